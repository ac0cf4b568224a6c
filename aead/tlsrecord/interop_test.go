package tlsrecord_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/peertest"
)

// pemFiles writes the identity where other programs find it.
func pemFiles(t *testing.T) (cert, key string) {
	t.Helper()
	cert, key, err := identity().Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// text is n bytes in which no line begins, and no letter is a command of
// openssl's.
func text(n int) []byte {
	const letters = "adefghijlmnoptuvwxyz0123456789"
	rng := mathrand.New(mathrand.NewPCG(uint64(n), 3))
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[rng.IntN(len(letters))]
	}
	return b
}

// client connects to a server and has its records taken over.
func client(t *testing.T, network, addr string, config *tls.Config) *tlsrecord.Conn {
	t.Helper()
	raw, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(time.Minute))
	c, err := tlsrecord.Client(t.Context(), raw, config, tlsrecord.Config{})
	if err != nil {
		t.Fatal(err)
	}
	taken(t, c)
	return c
}

// listener serves one connection.
func listener(t *testing.T, serve func(c *tlsrecord.Conn) error) (addr string, served chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served = make(chan error, 1)
	go func() {
		defer l.Close()
		raw, err := l.Accept()
		if err != nil {
			served <- err
			return
		}
		defer raw.Close()
		_ = raw.SetDeadline(time.Now().Add(time.Minute))
		_, sc := configs()
		c, err := tlsrecord.Server(t.Context(), raw, sc, tlsrecord.Config{})
		if err == nil && !c.Explain().Taken {
			err = fmt.Errorf("%v", c.Explain())
		}
		if err != nil {
			served <- err
			return
		}
		err = serve(c)
		c.Close()
		served <- err
	}()
	return l.Addr().String(), served
}

var bulk = map[bool]int{false: 20 << 20, true: 2 << 20}[raceEnabled]

func TestCurl(t *testing.T) {
	curl := peertest.Need(t, "curl", "curl")
	cert, _ := pemFiles(t)
	body := text(bulk)
	addr, served := listener(t, func(c *tlsrecord.Conn) error {
		head := make([]byte, 0, 4096)
		for !bytes.Contains(head, []byte("\r\n\r\n")) {
			n, err := c.Read(head[len(head):cap(head)])
			if err != nil {
				return err
			}
			head = head[:len(head)+n]
		}
		sum := sha256.New()
		_, early, _ := bytes.Cut(head, []byte("\r\n\r\n"))
		sum.Write(early)
		if _, err := io.CopyN(sum, c, int64(bulk-len(early))); err != nil {
			return err
		}
		if [32]byte(sum.Sum(nil)) != sha256.Sum256(body) {
			return fmt.Errorf("other bytes arrived than were sent")
		}
		if err := write(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"); err != nil {
			return err
		}
		_, err := c.Write(body)
		return err
	})
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(curl, "--silent", "--show-error", "--max-time", "60", "--http1.1", "--tlsv1.3", "--cacert", cert,
		"--connect-to", "localhost:443:127.0.0.1:"+port, "-H", "Expect:", "--data-binary", "@-", "https://localhost/")
	cmd.Stdin = bytes.NewReader(body)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("curl: %v\n%s", err, &stderr)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), body) {
		t.Fatal("curl has read other bytes than were sent")
	}
}

func TestNginx(t *testing.T) {
	nginx := peertest.Need(t, "nginx", "nginx")
	cert, key := pemFiles(t)
	body := text(bulk)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "body"), body, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "socket") // of a port it could not be told that is free
	config := filepath.Join(dir, "nginx.conf")
	settings := fmt.Sprintf(`daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr notice;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	client_max_body_size 1g;
	server {
		listen unix:%[2]s ssl;
		ssl_certificate %[3]s;
		ssl_certificate_key %[4]s;
		ssl_protocols TLSv1.3;
		root %[1]s;
	}
}
`, dir, socket, cert, key)
	if err := os.WriteFile(config, []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	p := peertest.Start(t, exec.Command(nginx, "-p", dir, "-c", config, "-e", "stderr"))
	p.AwaitText("getrlimit(", 1) // which it asks for when it listens
	cc, _ := configs()
	cache := newCountingCache()
	cc.ClientSessionCache = cache
	for i := range 4 {
		c := client(t, "unix", socket, cc)
		if got := c.ConnectionState().DidResume; got != (i > 0) {
			t.Fatalf("connection %d: resumed: %v", i, got)
		}
		// Two requests: the second with another key.
		for range 2 {
			if err := write(c, "GET /body HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			head := -1
			buf := make([]byte, 64<<10)
			for head < 0 || got.Len() < head+bulk {
				n, err := c.Read(buf)
				got.Write(buf[:n])
				if err != nil {
					t.Fatalf("after %d bytes: %v", got.Len(), err)
				}
				if head < 0 {
					if k := bytes.Index(got.Bytes(), []byte("\r\n\r\n")); k >= 0 {
						head = k + 4
					}
				}
			}
			if !bytes.Equal(got.Bytes()[head:], body) {
				t.Fatal("other bytes arrived than are in the file")
			}
			if err := c.UpdateKey(false); err != nil {
				t.Fatal(err)
			}
		}
		c.Close()
	}
	if n := cache.puts.Load(); n < 4 {
		t.Fatalf("%d sessions", n)
	}
}
