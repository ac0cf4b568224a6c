package h2mux_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/mux/h2mux"
)

// program finds a program of nghttp2, or skips the test.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed (Debian: nghttp2)", name)
	}
	return path
}

// serveHTTP answers ordinary requests with body, until the test ends.
func serveHTTP(t *testing.T, body []byte) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s, err := h2mux.Server(c, h2mux.Config{Handler: func(st *h2mux.Stream) {
				io.Copy(io.Discard, st)
				st.Write(body)
			}})
			if err != nil {
				t.Error(err)
				return
			}
			group.Go(func() { <-s.Done() })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		group.Wait()
	})
	return ln.Addr().String()
}

// TestH2load drives our server with nghttp2's load generator.
func TestH2load(t *testing.T) {
	h2load := program(t, "h2load")
	address := serveHTTP(t, randomBytes(50_000))
	out, err := exec.Command(h2load, "-n", "2000", "-c", "4", "-m", "50", "http://"+address+"/").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "2000 succeeded, 0 failed, 0 errored") {
		t.Errorf("h2load: %v\n%s", err, out)
	}
}

// TestNghttp fetches from our server with nghttp2's client, and posts to it.
func TestNghttp(t *testing.T) {
	nghttp := program(t, "nghttp")
	want := randomBytes(3 << 20)
	address := serveHTTP(t, want)
	file := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, randomBytes(2<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{}, {"-d", file}, {"-w", "14", "-W", "14"}} {
		var out bytes.Buffer
		cmd := exec.Command(nghttp, append(args, "http://"+address+"/")...)
		cmd.Stdout = &out
		if err := cmd.Run(); err != nil || !bytes.Equal(out.Bytes(), want) {
			t.Errorf("nghttp %q: %v, %d bytes, want %d", args, err, out.Len(), len(want))
		}
	}
}

// TestNghttpd fetches files from nghttp2's server with our client.
func TestNghttpd(t *testing.T) {
	nghttpd := program(t, "nghttpd")
	dir := t.TempDir()
	want := randomBytes(3 << 20)
	if err := os.WriteFile(filepath.Join(dir, "file"), want, 0o644); err != nil {
		t.Fatal(err)
	}
	c := startNghttpd(t, nghttpd, dir)
	s, err := h2mux.Client(c, h2mux.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			st, err := s.OpenRequest(context.Background(), h2mux.Request{Method: "GET", Scheme: "http", Authority: "x", Path: "/file"})
			if err != nil {
				t.Error(err)
				return
			}
			defer st.Close()
			if err := st.CloseWrite(); err != nil {
				t.Error(err)
			}
			got, err := io.ReadAll(st)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %v, want %d", len(got), err, len(want))
			}
		})
	}
	group.Wait()
}

// startNghttpd starts it on a port that was free a moment ago, and connects.
func startNghttpd(t *testing.T, path, dir string) net.Conn {
	t.Helper()
	for range 10 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := ln.Addr().(*net.TCPAddr).Port
		ln.Close()
		cmd := exec.Command(path, "-v", "--no-tls", "-a", "127.0.0.1", "-d", dir, fmt.Sprint(port))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
		// Its first line says that it listens; then it must be read on.
		line := make([]byte, 1)
		if _, err := out.Read(line); err != nil {
			continue
		}
		go io.Copy(io.Discard, out)
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return c
		}
	}
	t.Fatal("nghttpd does not start")
	return nil
}
