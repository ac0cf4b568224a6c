package tlsrecord_test

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
)

// What is left to crypto/tls works as well, and says why it was left.
func TestLeftToCryptoTLS(t *testing.T) {
	tests := []struct {
		name    string
		cfg     tlsrecord.Config
		version uint16
		why     string
	}{
		{"TLS 1.2", tlsrecord.Config{}, tls.VersionTLS12, "TLS 1.2"},
		{"Config", tlsrecord.Config{NoTakeover: true}, 0, "Config.NoTakeover"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cc, sc := configs()
			cc.MaxVersion = tt.version
			cc.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			for i := range 2 {
				c, s := connect(t, withClient(tt.cfg), withServer(tt.cfg), cc, sc)
				for _, end := range []conn{c, s} {
					if e := end.(*tlsrecord.Conn).Explain(); e.Taken || e.Why != tt.why || !strings.Contains(e.String(), tt.why) {
						t.Fatalf("Explain = %+v, %v", e, e)
					}
				}
				testPlain(t, c.(*tlsrecord.Conn), s.(*tlsrecord.Conn))
				if c.ConnectionState().DidResume != (i > 0) {
					t.Fatalf("connection %d: resumed: %v", i, c.ConnectionState().DidResume)
				}
			}
		})
	}
}

// testPlain uses every method of connections whose records are crypto/tls's.
func testPlain(t *testing.T, c, s *tlsrecord.Conn) {
	t.Helper()
	bothWays(t, c, s, 300_000)
	c.Cork()
	sent := make(chan error, 1)
	go func() {
		_, err := c.Writev([][]byte{[]byte("ab"), nil, []byte("cd")})
		sent <- errors.Join(err, c.Uncork())
	}()
	buf := make([]byte, 4)
	if _, err := io.ReadFull(s, buf); err != nil || string(buf) != "abcd" {
		t.Fatalf("read %q, %v", buf, err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if n, err := copyAll(c, s, 200_000); n != 200_000 || err != nil {
		t.Fatalf("copied %d, %v", n, err)
	}
	if n, err := s.Step(io.Discard, 100); n != 0 || err != nil {
		t.Fatalf("Step = %d, %v", n, err)
	}
	if s.Ready(nil, func() {}) != nil {
		t.Fatal("Ready is not nil")
	}
	if got, want := s.CannotStep(), "crypto/tls protects the records: "+s.Explain().Why; got != want {
		t.Fatalf("CannotStep = %q, want %q", got, want)
	}
	if err := c.UpdateKey(true); !errors.Is(err, errors.ErrUnsupported) {
		t.Fatalf("UpdateKey = %v", err)
	}
	c.Trim()
	if stats := c.Stats(); stats != (tlsrecord.Stats{}) {
		t.Fatalf("Stats = %+v", stats)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Read(buf); n != 0 || err != io.EOF {
		t.Fatalf("Read = %d, %v", n, err)
	}
	transfer(t, s, c, 10_000)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.WriteTo(io.Discard); n != 0 || err != nil {
		t.Fatalf("WriteTo = %d, %v", n, err)
	}
	if err := c.Abort(); err != nil {
		t.Fatal(err)
	}
}

// copyAll moves n bytes from c's ReadFrom to s's WriteTo.
func copyAll(c, s conn, n int64) (int64, error) {
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(c, io.LimitReader(pattern{}, n))
		done <- err
	}()
	var got int64
	buf := make([]byte, 32<<10)
	for got < n {
		k, err := s.Read(buf)
		for i, b := range buf[:k] {
			if b != 'p' {
				return got + int64(i), errors.New("another byte than was sent")
			}
		}
		got += int64(k)
		if err != nil {
			return got, err
		}
	}
	return got, <-done
}

type pattern struct{}

func (pattern) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'p'
	}
	return len(p), nil
}

// What depends on the environment is tested in programs that have another one.
const asked = "HEADRACE_TEST_TLSRECORD"

func rerun(t *testing.T, test string, env ...string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run", "^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), append(env, asked+"=1")...)
	out, err := cmd.CombinedOutput()
	switch {
	case strings.Contains(string(out), "panic: fips140: FIPS 140-3 mode"):
		t.Skipf("the standard library has no FIPS 140 mode here: %s", out)
	case err != nil || !strings.Contains(string(out), "--- PASS: "+test):
		t.Fatalf("%v: %v\n%s", env, err, out)
	}
}

func TestEnvironment(t *testing.T) {
	rerun(t, "TestUnderVariable", tlsrecord.Variable+"=std")
	rerun(t, "TestUnderFIPS", "GODEBUG=fips140=on")
	rerun(t, "TestUnderFIPS", "GODEBUG=fips140=only")
	rerun(t, "TestUnderStdCiphers", "HEADRACE_AEAD=std")
	// Without AES in hardware crypto/tls prefers the other cipher.
	rerun(t, "TestUnderChaCha", "GODEBUG=cpu.aes=off,cpu.pclmulqdq=off,cpu.all=off")
}

func inEnvironment(t *testing.T) {
	if os.Getenv(asked) == "" {
		t.Skip("run again by another test, in a program of its own")
	}
}

func TestUnderVariable(t *testing.T) {
	inEnvironment(t)
	testLeft(t, tlsrecord.Variable+"=std")
}

func TestUnderFIPS(t *testing.T) {
	inEnvironment(t)
	testLeft(t, "FIPS 140 mode")
}

func testLeft(t *testing.T, why string) {
	cc, sc := configs()
	c, s := connect(t, ourClient, ourServer, cc, sc)
	if e := c.(*tlsrecord.Conn).Explain(); e.Taken || e.Why != why {
		t.Fatalf("Explain = %+v", e)
	}
	testPlain(t, c.(*tlsrecord.Conn), s.(*tlsrecord.Conn))
}

func TestUnderStdCiphers(t *testing.T) {
	inEnvironment(t)
	eachCoupling(t, func(t *testing.T, client, server maker) {
		cc, sc := configs()
		c, s := connect(t, client, server, cc, sc)
		taken(t, c, s)
		if c, ok := c.(*tlsrecord.Conn); ok && c.Explain().Backend != "std" {
			t.Fatalf("Explain = %+v", c.Explain())
		}
		bothWays(t, c, s, 1<<20)
	})
}

func TestUnderChaCha(t *testing.T) {
	inEnvironment(t)
	eachCoupling(t, func(t *testing.T, client, server maker) {
		cc, sc := configs()
		cc.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		for i := range 3 {
			c, s := connect(t, client, server, cc, sc)
			taken(t, c, s)
			if id := c.ConnectionState().CipherSuite; id != tls.TLS_CHACHA20_POLY1305_SHA256 {
				t.Fatalf("the suite is %s", tls.CipherSuiteName(id))
			}
			bothWays(t, c, s, 1<<20)
			if c.ConnectionState().DidResume != (i > 0) {
				t.Fatalf("connection %d: resumed: %v", i, c.ConnectionState().DidResume)
			}
		}
	})
}
