package main

import (
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
)

// TestOpenSSHServer goes through OpenSSH's server with our client. It runs
// without privileges, on a socket that the test accepts.
func TestOpenSSHServer(t *testing.T) {
	path, err := exec.LookPath("sshd")
	if err != nil {
		t.Skip("no sshd for our client to log in at (Debian: openssh-server)")
	}
	if path, err = filepath.Abs(path); err != nil { // it insists
		t.Fatal(err)
	}
	dir := keys(t)
	login, credential := unprivileged(t, dir)
	key, _, err := sshKeys(dir, "client", "server")
	if err != nil {
		t.Fatal(err)
	}
	// Where the test's directory lies, others may not look.
	config, err := os.MkdirTemp("", "sshd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(config) })
	host, err := os.ReadFile(filepath.Join(dir, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"authorized": string(ssh.MarshalAuthorizedKey(key.PublicKey())),
		"host":       string(host),
		"config": "HostKey " + config + "/host\nAuthorizedKeysFile " + config + "/authorized\nStrictModes no\nUsePAM yes\n" +
			"PidFile none\nAllowTcpForwarding yes\nPasswordAuthentication no\n",
	} {
		file := filepath.Join(config, name)
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		own(t, file, credential)
	}
	own(t, config, credential)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		f, err := c.(*net.TCPConn).File()
		_ = c.Close()
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		cmd := exec.Command(path, "-i", "-e", "-f", filepath.Join(config, "config"))
		cmd.Stdin, cmd.Stdout, cmd.Stderr = f, f, t.Output()
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Pdeathsig: syscall.SIGKILL}
		_ = cmd.Run() // it ends with its connection, in whatever way
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		<-served
	})
	client := proxytest.Start(t, "client", "-listen", "127.0.0.1:0", "-server", ln.Addr().String(),
		"-transport", "ssh", "-dir", dir, "-user", login)
	target := proxytest.Listen(t, "127.0.0.1:0").Echo()
	for range 2 {
		app := proxytest.Connect(t, client.Addr, target.Dest)
		proxytest.RoundTrip(t, app, 1<<20)
		proxytest.Finish(t, app)
	}
}

// unprivileged returns who sshd is to run as: the user, or nobody for root, whom
// sshd would serve only with an account of its own on the system.
func unprivileged(t *testing.T, dir string) (login string, credential *syscall.Credential) {
	t.Helper()
	me, err := user.Current()
	if err == nil && os.Geteuid() == 0 {
		me, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Skipf("sshd has nobody to run as, so that no client of ours logs in: %v", err)
	}
	if os.Geteuid() != 0 {
		return me.Username, nil
	}
	uid, uidErr := strconv.ParseUint(me.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(me.Gid, 10, 32)
	if uidErr != nil || gidErr != nil {
		t.Fatalf("%s has no numbers: %v, %v", me.Username, uidErr, gidErr)
	}
	return me.Username, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func own(t *testing.T, file string, c *syscall.Credential) {
	t.Helper()
	if c == nil {
		return
	}
	if err := os.Chown(file, int(c.Uid), int(c.Gid)); err != nil {
		t.Fatal(err)
	}
}
