package proxytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/headrace-go/headrace/internal/peertest"
)

// Where the programs of others listen. They cannot be asked for a free port:
// these are theirs in a namespace where nobody else has any.
const (
	PeerServer = "127.0.0.1:8443"
	PeerClient = "127.0.0.1:1080"
)

// Full skips a test unless it is wanted that drives a program which takes minutes
// to build.
func Full(t testing.TB) {
	t.Helper()
	if os.Getenv("HEADRACE_INTEROP") != "full" {
		t.Skip("drives a program that is slow to build: make interop-full")
	}
}

// Alone reports whether a test that drives these programs of others is to go on,
// in a namespace of its own. It skips the test where one of them is missing.
func Alone(t *testing.T, programs ...string) (inside bool) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("no %s to test against (make peers): %v", name, err)
		}
	}
	return peertest.Namespace(t)
}

// Peer runs somebody else's program until the test ends, and returns when it has
// printed ready.
func Peer(t testing.TB, ready, name string, args ...string) {
	t.Helper()
	peertest.Start(t, exec.Command(name, args...)).AwaitText(ready, 1)
}

// SingBox runs sing-box until the test ends, with a configuration that says
// nothing of its log, and returns when it listens.
func SingBox(t testing.TB, config string) {
	t.Helper()
	file := ConfigFile(t, config)
	Peer(t, "sing-box started", "sing-box", "run", "-c", file, "-D", filepath.Dir(file))
}

// ConfigFile returns the name of a file that has text in it.
func ConfigFile(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
