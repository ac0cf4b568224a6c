package tlsrecord_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os/exec"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/peertest"
)

// gnutlsCiphers are the names by which GnuTLS's programs know suites.
var gnutlsCiphers = map[uint16]string{
	tls.TLS_AES_128_GCM_SHA256:       "AES-128-GCM",
	tls.TLS_AES_256_GCM_SHA384:       "AES-256-GCM",
	tls.TLS_CHACHA20_POLY1305_SHA256: "CHACHA20-POLY1305",
}

// gnutlsPriority allows one suite of TLS 1.3 and nothing else.
func gnutlsPriority(t *testing.T, suite uint16) string {
	t.Helper()
	name, ok := gnutlsCiphers[suite]
	if !ok {
		t.Fatalf("no name for %s", tls.CipherSuiteName(suite))
	}
	return "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+" + name
}

// GnuTLS's client asks for new keys both ways, which OpenSSL's does only
// between its own lines: here data follows each request at once. It allows its
// peer eight updates a second, answers included.
func TestGnuTLSClientRekeys(t *testing.T) {
	path := peertest.Need(t, "gnutls-cli", "gnutls-bin")
	cert, _ := pemFiles(t)
	const rounds = 6
	for _, suite := range tlsrecord.Suites() {
		t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
			conns := make(chan *tlsrecord.Conn, 1)
			over := make(chan struct{})
			addr, served := listener(t, func(c *tlsrecord.Conn) error {
				conns <- c
				<-over
				return nil
			})
			_, port, _ := net.SplitHostPort(addr)
			p := peertest.Start(t, exec.Command(path, "--x509cafile="+cert, "--verify-hostname=localhost",
				gnutlsPriority(t, suite), "--inline-commands", "--port="+port, "127.0.0.1"))
			c := <-conns
			for i := range rounds {
				line := fmt.Sprintf("line %d\n", i)
				if _, err := io.WriteString(p.In, "^rekey^\n"+line); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(line))
				if _, err := io.ReadFull(c, got); err != nil || string(got) != line {
					t.Fatalf("read %q, %v", got, err)
				}
				if err := write(c, "re-"+line); err != nil {
					t.Fatal(err)
				}
			}
			// At the end of its input the client reads no more.
			p.AwaitText(fmt.Sprintf("re-line %d\n", rounds-1), 1)
			p.In.Close()
			if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Fatalf("read %d bytes, %v after the end", n, err)
			}
			stats := c.Stats()
			if !stats.Notified {
				t.Fatal("the end came without its alert")
			}
			if stats.KeysOpened != rounds || stats.KeysSealed != rounds {
				t.Fatalf("%d keys opened, %d sealed, want %d each", stats.KeysOpened, stats.KeysSealed, rounds)
			}
			close(over)
			if err := <-served; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// GnuTLS's server does not say which free port it has taken, so it has a
// network for itself.
func TestGnuTLSServerEchoes(t *testing.T) {
	path := peertest.Need(t, "gnutls-serv", "gnutls-bin")
	if !peertest.Namespace(t) {
		return
	}
	cert, key := pemFiles(t)
	data := text(bulk / 10)
	for i := 999; i < len(data); i += 1000 {
		data[i] = '\n' // this server sends back whole lines
	}
	for i, suite := range tlsrecord.Suites() {
		t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
			port := fmt.Sprint(4430 + i)
			p := peertest.Start(t, exec.Command(path, "--echo", "--x509certfile="+cert, "--x509keyfile="+key, "--port="+port,
				gnutlsPriority(t, suite)))
			p.AwaitText("done", 1)
			cc, _ := configs()
			cc.ClientSessionCache = newCountingCache()
			for i := range 4 {
				c := client(t, "tcp", "127.0.0.1:"+port, cc)
				if got := c.ConnectionState().DidResume; got != (i > 0) {
					t.Fatalf("connection %d: resumed: %v", i, got)
				}
				sent := make(chan error, 1)
				go func() { sent <- sendWithKeys(c, data) }()
				got := make([]byte, len(data))
				if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, data) {
					t.Fatalf("other bytes came back than were sent: %d, %v", n, err)
				}
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
				if got := c.Stats().KeysOpened; got != 2 {
					t.Fatalf("two requests were answered %d times", got)
				}
				c.Close()
			}
		})
	}
}

// sendWithKeys writes data under three keys, and asks the peer for as many.
func sendWithKeys(c *tlsrecord.Conn, data []byte) error {
	for i := range 3 {
		if i > 0 {
			if err := c.UpdateKey(true); err != nil {
				return err
			}
		}
		if _, err := c.Write(data[i*len(data)/3 : (i+1)*len(data)/3]); err != nil {
			return err
		}
	}
	return nil
}
