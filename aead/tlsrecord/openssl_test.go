package tlsrecord_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/peertest"
)

// openssl runs a command of openssl with TLS 1.3 and one suite.
func openssl(t *testing.T, path string, suite uint16, args ...string) *peertest.Program {
	t.Helper()
	return peertest.Start(t, exec.Command(path, append(args, "-tls1_3", "-ciphersuites", tls.CipherSuiteName(suite))...))
}

// sentUpdate is how s_server says, with -msg, that it has sent a KeyUpdate.
const sentUpdate = ">>> TLS 1.3, Handshake [length 0005], KeyUpdate"

func TestOpenSSLClientBulk(t *testing.T) {
	path := peertest.Need(t, "openssl", "openssl")
	data := text(bulk)
	for _, suite := range tlsrecord.Suites() {
		t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
			sum := sha256.New()
			addr, served := listener(t, func(c *tlsrecord.Conn) error {
				read := make(chan error, 1)
				go func() {
					_, err := io.CopyN(sum, c, int64(bulk))
					read <- err
				}()
				if _, err := c.ReadFrom(bytes.NewReader(data)); err != nil {
					return err
				}
				return <-read
			})
			p := openssl(t, path, suite, "s_client", "-connect", addr, "-quiet")
			go func() { _, _ = p.In.Write(data) }()
			if err := <-served; err != nil {
				t.Fatal(err)
			}
			if [32]byte(sum.Sum(nil)) != sha256.Sum256(data) {
				t.Fatal("other bytes arrived than were sent")
			}
			p.Await("it printed all that was sent", func(said []byte) bool { return bytes.HasSuffix(said, data) })
		})
	}
}

func TestOpenSSLServerBulk(t *testing.T) {
	path := peertest.Need(t, "openssl", "openssl")
	cert, key := pemFiles(t)
	data := text(bulk)
	for _, suite := range tlsrecord.Suites() {
		t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
			p := openssl(t, path, suite, "s_server", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key)
			cc, _ := configs()
			cc.ClientSessionCache = newCountingCache()
			c := client(t, "tcp", p.Line("ACCEPT "), cc)
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = p.In.Write(data) })
			wg.Go(func() {
				if _, err := c.Write(data); err != nil {
					t.Error(err)
				}
			})
			got := make([]byte, bulk)
			if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("other bytes arrived than were sent: %v", err)
			}
			wg.Wait()
			p.Await("it printed all that was sent", func(said []byte) bool { return bytes.HasSuffix(said, data) })
			if n := c.Stats().Tickets; n != 2 {
				t.Fatalf("%d tickets, want OpenSSL's two", n)
			}
		})
	}
}

// A command of openssl has to arrive alone, as a line of its own: one follows
// another when that has shown its effect.
func TestOpenSSLClientKeyUpdate(t *testing.T) {
	path := peertest.Need(t, "openssl", "openssl")
	for _, suite := range tlsrecord.Suites() {
		t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
			conns := make(chan *tlsrecord.Conn, 1)
			over := make(chan struct{})
			addr, served := listener(t, func(c *tlsrecord.Conn) error {
				conns <- c
				<-over
				return nil
			})
			p := openssl(t, path, suite, "s_client", "-connect", addr)
			c := <-conns
			read := readLines(c)
			say := func(line string) {
				t.Helper()
				if _, err := io.WriteString(p.In, line+"\n"); err != nil {
					t.Fatal(err)
				}
			}
			talk := func(word string) {
				t.Helper()
				say(word)
				if got := <-read; got != word+"\n" {
					t.Fatalf("read %q, want %q", got, word)
				}
				if err := write(c, "re-"+word+"\n"); err != nil {
					t.Fatal(err)
				}
				p.AwaitText("re-"+word, 1)
			}
			talk("one")
			for i, command := range []string{"k", "K", "K", "k"} {
				say(command)
				p.AwaitText("KEYUPDATE\n", i+1)
				talk("after-" + fmt.Sprint(i))
				if got := c.Stats().KeysOpened; got != int64(i+1) {
					t.Fatalf("KeysOpened = %d, want %d", got, i+1)
				}
			}
			if got := c.Stats().KeysSealed; got != 2 {
				t.Fatalf("two requests were answered %d times", got)
			}
			if err := c.UpdateKey(true); err != nil {
				t.Fatal(err)
			}
			if err := write(c, "fresh\n"); err != nil {
				t.Fatal(err)
			}
			p.AwaitText("fresh", 1)
			talk("last")
			if got := c.Stats().KeysOpened; got != 5 {
				t.Fatalf("our request was not answered: %d keys", got)
			}
			say("Q")
			if line, ok := <-read; ok {
				t.Fatalf("read %q after the end", line)
			}
			if !c.Stats().Notified {
				t.Fatal("the end came without its alert")
			}
			close(over)
			if err := <-served; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// readLines sends what is read, each time that something is.
func readLines(c io.Reader) <-chan string {
	lines := make(chan string, 16)
	go func() {
		defer close(lines)
		buf := make([]byte, 100)
		for {
			n, err := c.Read(buf)
			if n > 0 {
				lines <- string(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	return lines
}

func TestOpenSSLServerResumesAndUpdates(t *testing.T) {
	path := peertest.Need(t, "openssl", "openssl")
	cert, key := pemFiles(t)
	for _, suite := range tlsrecord.Suites() {
		t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
			p := openssl(t, path, suite, "s_server", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key, "-msg")
			addr := p.Line("ACCEPT ")
			cc, _ := configs()
			cc.ClientSessionCache = newCountingCache()
			for i := range 4 {
				c := client(t, "tcp", addr, cc)
				if got := c.ConnectionState().DidResume; got != (i > 0) {
					t.Fatalf("connection %d: resumed: %v", i, got)
				}
				read := readLines(c)
				talk := func(word string) {
					t.Helper()
					if err := write(c, word+"\n"); err != nil {
						t.Fatal(err)
					}
					p.AwaitText(word+"\n", 1)
				}
				talk(fmt.Sprintf("wx%d", i))
				for j, command := range []string{"k", "K", "K", "k"} {
					updates := p.Count(sentUpdate)
					if _, err := io.WriteString(p.In, command+"\n"); err != nil {
						t.Fatal(err)
					}
					p.AwaitText(sentUpdate, updates+1)
					if _, err := io.WriteString(p.In, "hello\n"); err != nil {
						t.Fatal(err)
					}
					if got := <-read; got != "hello\n" {
						t.Fatalf("read %q", got)
					}
					if got := c.Stats().KeysOpened; got != int64(j+1) {
						t.Fatalf("KeysOpened = %d, want %d", got, j+1)
					}
					talk(fmt.Sprintf("wx%d-%d", i, j))
				}
				if got := c.Stats().KeysSealed; got != 2 {
					t.Fatalf("two requests were answered %d times", got)
				}
				if err := c.UpdateKey(true); err != nil {
					t.Fatal(err)
				}
				talk(fmt.Sprintf("wx%d-new", i))
				c.Close()
				for range read {
				}
				p.AwaitText("DONE\n", i+1)
			}
		})
	}
}
