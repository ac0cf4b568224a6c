package vecio_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/headrace-go/headrace/vecio"
)

// openssl starts openssl with args, until the test ends, and returns its
// standard input, and its output together with its errors.
func openssl(t *testing.T, args ...string) (in io.WriteCloser, out *bufio.Reader) {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skipf("openssl is not installed: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	cmd := exec.CommandContext(ctx, path, args...)
	if in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed, unless it has ended
	})
	return in, bufio.NewReader(pipe)
}

// pemFiles writes the tests' certificate and its key.
func pemFiles(t *testing.T) (cert, key string) {
	t.Helper()
	cert, key, err := tlsIdentity().Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

var opensslVersions = map[uint16]string{tls.VersionTLS12: "-tls1_2", tls.VersionTLS13: "-tls1_3"}

// roundTrips sends through c what out must bring, and through in what c must.
func roundTrips(t *testing.T, c net.Conn, in io.Writer, out io.Reader) {
	t.Helper()
	for _, n := range []int{1, 16383, 16384, 16385, 1 << 20} {
		msg := []byte(strings.Repeat("x", n-1) + "\n") // no line begins with a command
		got := make([]byte, n)
		go c.Write(msg)
		if _, err := io.ReadFull(out, got); err != nil || !bytes.Equal(got, msg) {
			t.Fatalf("%d bytes to openssl: %v", n, err)
		}
		go in.Write(msg)
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, msg) {
			t.Fatalf("%d bytes from openssl: %v", n, err)
		}
	}
}

func TestLayeredWithOpenSSLClient(t *testing.T) {
	cert, _ := pemFiles(t)
	for _, version := range tlsVersions {
		t.Run(version.name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			in, out := openssl(t, "s_client", "-connect", ln.Addr().String(), "-servername", tlsName,
				"-CAfile", cert, "-verify_return_error", "-verify_quiet", opensslVersions[version.id], "-quiet", "-no_ign_eof")
			raw, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			config, _ := tlsConfigs(t, version.id)
			c := layeredEnd(raw, func(c net.Conn) *tls.Conn { return tls.Server(c, config) })
			roundTrips(t, c, in, out)
			if version.id == tls.VersionTLS13 { // new keys for both directions, in the middle of the stream
				updateKeys(t, in, out)
				roundTrips(t, c, in, out)
				updateKeys(t, in, out)
				go io.WriteString(in, "stepped\n")
				var got bytes.Buffer
				stepUntil(t, c.Conn.(vecio.Stepper), &got, len("stepped\n"))
			}
			if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(out); len(rest) > 0 || err != nil { // it ends by itself
				t.Errorf("after close_notify openssl said %q, %v", rest, err)
			}
			if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("its end: %d, %v, want EOF", n, err)
			}
		})
	}
}

// updateKeys has openssl change its keys, and ask for the same.
func updateKeys(t *testing.T, in io.Writer, out *bufio.Reader) {
	t.Helper()
	io.WriteString(in, "K\n") // a command, if it comes alone
	if line, err := out.ReadString('\n'); line != "KEYUPDATE\n" || err != nil {
		t.Fatalf("to K openssl said %q, %v", line, err)
	}
}

func TestLayeredWithOpenSSLServer(t *testing.T) {
	cert, key := pemFiles(t)
	for _, version := range tlsVersions {
		t.Run(version.name, func(t *testing.T) {
			in, out := openssl(t, "s_server", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key,
				opensslVersions[version.id], "-naccept", "1")
			var addr string
			for addr == "" {
				line, err := out.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if rest, ok := strings.CutPrefix(line, "ACCEPT "); ok {
					addr = strings.TrimSpace(rest)
				}
			}
			raw, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			_, config := tlsConfigs(t, version.id)
			c := layeredEnd(raw, func(c net.Conn) *tls.Conn { return tls.Client(c, config) })
			if err := c.top.Handshake(); err != nil {
				t.Fatal(err)
			}
			for { // it describes the session, up to this line
				line, err := out.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(line, "Secure Renegotiation") {
					break
				}
			}
			roundTrips(t, c, in, out)
			stepped := bytes.NewBuffer(nil)
			go io.WriteString(in, "stepped\n")
			stepUntil(t, c.Conn.(vecio.Stepper), stepped, len("stepped\n"))
			io.WriteString(in, "Q\n")
			if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("its end: %d, %v, want EOF", n, err)
			}
		})
	}
}
