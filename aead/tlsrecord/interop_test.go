package tlsrecord_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
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
)

// need finds a program, or skips the test where it is not required.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	// Debian's daemons are not in every path, and make test unpacks some here.
	for _, dir := range []string{"/usr/sbin", "../../.cache/peers/bin"} {
		if path, err := filepath.Abs(filepath.Join(dir, program)); err == nil {
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	t.Skipf("%s not found", program)
	return ""
}

// pemFiles writes the identity where other programs find it.
func pemFiles(t *testing.T) (cert, key string) {
	t.Helper()
	c, _ := identity()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der, err := x509.MarshalECPrivateKey(c.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, key: {Type: "EC PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// text is n bytes in which no line begins: such a line could be a command.
func text(n int) []byte {
	rng := mathrand.New(mathrand.NewPCG(uint64(n), 3))
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdefghijlmnopstuvwxyz0123456789"[rng.IntN(33)]
	}
	return b
}

// eventually waits for what another program does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// A program is one that runs beside the test, and what it prints.
type program struct {
	*exec.Cmd
	in  io.WriteCloser
	out logBuffer
}

func run(t *testing.T, name string, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(name, args...)}
	p.Stdout, p.Stderr = &p.out, &p.out
	var err error
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	})
	return p
}

// freePort is a port that nobody had a moment ago.
func freePort(t *testing.T) (addr, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return l.Addr().String(), port
}

// dialUntil connects to a server that is about to listen.
func dialUntil(t *testing.T, addr string) (raw net.Conn) {
	t.Helper()
	eventually(t, addr+" listens", func() bool {
		var err error
		raw, err = net.Dial("tcp", addr)
		return err == nil
	})
	t.Cleanup(func() { raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(time.Minute))
	return raw
}

// client connects to a server and has its records taken over.
func client(t *testing.T, addr string, config *tls.Config) *tlsrecord.Conn {
	t.Helper()
	c, err := tlsrecord.Client(t.Context(), dialUntil(t, addr), config, tlsrecord.Config{})
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
	curl := need(t, "curl")
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
	nginx := need(t, "nginx")
	cert, key := pemFiles(t)
	body := text(bulk)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "body"), body, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	addr, port := freePort(t)
	config := filepath.Join(dir, "nginx.conf")
	settings := fmt.Sprintf(`daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr warn;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	client_max_body_size 1g;
	server {
		listen 127.0.0.1:%[2]s ssl;
		ssl_certificate %[3]s;
		ssl_certificate_key %[4]s;
		ssl_protocols TLSv1.3;
		root %[1]s;
	}
}
`, dir, port, cert, key)
	if err := os.WriteFile(config, []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	p := run(t, nginx, "-p", dir, "-c", config, "-e", "stderr")
	cc, _ := configs()
	cache := newCountingCache()
	cc.ClientSessionCache = cache
	for i := range 4 {
		c := client(t, addr, cc)
		if got := c.ConnectionState().DidResume; got != (i > 0) {
			t.Fatalf("connection %d: resumed: %v\n%s", i, got, p.out.String())
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
					t.Fatalf("after %d bytes: %v\n%s", got.Len(), err, p.out.String())
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
