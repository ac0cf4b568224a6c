package tlsrecord_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
)

func TestOpenSSLClientBulk(t *testing.T) {
	openssl := need(t, "openssl")
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
			p := run(t, openssl, "s_client", "-connect", addr, "-quiet", "-tls1_3", "-ciphersuites", tls.CipherSuiteName(suite))
			go func() { _, _ = p.in.Write(data) }()
			if err := <-served; err != nil {
				t.Fatalf("%v\n%.500s", err, p.out.String())
			}
			if [32]byte(sum.Sum(nil)) != sha256.Sum256(data) {
				t.Fatal("other bytes arrived than were sent")
			}
			eventually(t, "s_client prints all", func() bool { return p.out.endsWith(data[bulk-100:]) })
			if !p.out.endsWith(data) {
				t.Fatal("s_client has printed other bytes than were sent")
			}
		})
	}
}

func TestOpenSSLServerBulk(t *testing.T) {
	openssl := need(t, "openssl")
	cert, key := pemFiles(t)
	data := text(bulk)
	for _, suite := range tlsrecord.Suites() {
		t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
			addr, port := freePort(t)
			p := run(t, openssl, "s_server", "-accept", port, "-cert", cert, "-key", key, "-tls1_3", "-quiet",
				"-ciphersuites", tls.CipherSuiteName(suite))
			cc, _ := configs()
			cc.ClientSessionCache = newCountingCache()
			c := client(t, addr, cc)
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = p.in.Write(data) })
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
			eventually(t, "s_server prints all", func() bool { return p.out.endsWith(data) })
			if n := c.Stats().Tickets; n != 2 {
				t.Fatalf("%d tickets, want OpenSSL's two", n)
			}
		})
	}
}

// A command of openssl has to arrive alone, as a line of its own: one follows
// another when that has shown its effect.
func TestOpenSSLClientKeyUpdate(t *testing.T) {
	openssl := need(t, "openssl")
	for _, suite := range tlsrecord.Suites() {
		t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
			conns := make(chan *tlsrecord.Conn, 1)
			over := make(chan struct{})
			addr, served := listener(t, func(c *tlsrecord.Conn) error {
				conns <- c
				<-over
				return nil
			})
			p := run(t, openssl, "s_client", "-connect", addr, "-tls1_3", "-ciphersuites", tls.CipherSuiteName(suite))
			c := <-conns
			read := readLines(c)
			say := func(line string) {
				t.Helper()
				if _, err := io.WriteString(p.in, line+"\n"); err != nil {
					t.Fatal(err)
				}
			}
			talk := func(word string) {
				t.Helper()
				say(word)
				if got := <-read; got != word+"\n" {
					t.Fatalf("read %q, want %q\n%s", got, word, p.out.String())
				}
				if err := write(c, "re-"+word+"\n"); err != nil {
					t.Fatal(err)
				}
				eventually(t, "s_client prints re-"+word, func() bool { return strings.Contains(p.out.String(), "re-"+word) })
			}
			talk("one")
			for i, command := range []string{"k", "K", "K", "k"} {
				say(command)
				eventually(t, "the key changes", func() bool { return c.Stats().KeysOpened == int64(i+1) })
				talk("after-" + fmt.Sprint(i))
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
			eventually(t, "s_client prints fresh", func() bool { return strings.Contains(p.out.String(), "fresh") })
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
	openssl := need(t, "openssl")
	cert, key := pemFiles(t)
	for _, suite := range tlsrecord.Suites() {
		t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
			addr, port := freePort(t)
			p := run(t, openssl, "s_server", "-accept", port, "-cert", cert, "-key", key, "-tls1_3",
				"-ciphersuites", tls.CipherSuiteName(suite))
			cc, _ := configs()
			cc.ClientSessionCache = newCountingCache()
			for i := range 4 {
				c := client(t, addr, cc)
				if got := c.ConnectionState().DidResume; got != (i > 0) {
					t.Fatalf("connection %d: resumed: %v", i, got)
				}
				read := readLines(c)
				talk := func(word string) {
					t.Helper()
					if err := write(c, word+"\n"); err != nil {
						t.Fatal(err)
					}
					eventually(t, "s_server prints "+word, func() bool { return strings.Contains(p.out.String(), word) })
				}
				talk(fmt.Sprintf("wx%d", i))
				for j, command := range []string{"k", "K", "K", "k"} {
					if _, err := io.WriteString(p.in, command+"\n"); err != nil {
						t.Fatal(err)
					}
					eventually(t, "the key changes", func() bool { return c.Stats().KeysOpened == int64(j+1) })
					if _, err := io.WriteString(p.in, "hello\n"); err != nil {
						t.Fatal(err)
					}
					if got := <-read; got != "hello\n" {
						t.Fatalf("read %q", got)
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
				eventually(t, "s_server sees the end", func() bool { return strings.Count(p.out.String(), "DONE") > i })
			}
		})
	}
}
