package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
)

// TestOpenSSL goes through the server with openssl's client: certificates of
// both sides, TLS 1.3, our protocol.
func TestOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl to come to our server with")
	}
	for _, name := range []string{"tls", "ech"} { // a client that knows nothing of ech is served, too
		dir := keys(t)
		server := startServer(t, name, dir)
		target := proxytest.Listen(t, "127.0.0.1:0")
		cmd := exec.Command(openssl, "s_client", "-connect", server.Addr, "-tls1_3", "-alpn", protocolPlain,
			"-servername", "tunnel.example", "-CAfile", "server.crt", "-cert", "client.crt", "-key", "client.key",
			"-verify_return_error", "-quiet")
		cmd.Dir = dir
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var complaints bytes.Buffer
		cmd.Stderr = &complaints
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write(append(target.Dest.Append(nil), "ping"...)); err != nil {
			t.Fatal(err)
		}
		far := target.Accept()
		exchangeText(t, far, "ping", "pong")
		got, err := io.ReadAll(io.LimitReader(out, 4))
		if string(got) != "pong" {
			t.Errorf("%s: openssl got %q, %v\n%s", name, got, err, complaints.Bytes())
		}
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}
}

// exchangeText reads one text and writes another.
func exchangeText(t *testing.T, c net.Conn, want, answer string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("the target got %q, %v, want %q", got, err, want)
	}
	if _, err := io.WriteString(c, answer); err != nil {
		t.Fatal(err)
	}
}

// knownHosts writes what OpenSSH knows hosts by.
func knownHosts(t *testing.T, dir string) string {
	t.Helper()
	_, key, err := sshKeys(dir, "client", "server")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "known_hosts")
	if err := os.WriteFile(path, append([]byte("* "), ssh.MarshalAuthorizedKey(key)...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOpenSSHClient goes through the server with ssh -W.
func TestOpenSSHClient(t *testing.T) {
	path, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("no ssh to come to our server with (Debian: openssh-client)")
	}
	dir := keys(t)
	server := startServer(t, "ssh", dir)
	host, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	target := proxytest.Listen(t, "127.0.0.1:0").Echo()
	cmd := exec.Command(path, "-F", "none", "-p", port, "-i", filepath.Join(dir, "client.key"), "-o", "BatchMode=yes",
		"-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile="+knownHosts(t, dir), "-o", "StrictHostKeyChecking=yes",
		"-W", target.Dest.String(), "anybody@"+host)
	var want bytes.Buffer
	if _, err := io.CopyN(&want, proxytest.Random(1, 1<<20), 1<<20); err != nil {
		t.Fatal(err)
	}
	var complaints strings.Builder
	cmd.Stdin, cmd.Stderr = bytes.NewReader(want.Bytes()), &complaints
	got, err := cmd.Output()
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("ssh: %v, %d bytes, want %d\n%s", err, len(got), want.Len(), complaints.String())
	}
}
