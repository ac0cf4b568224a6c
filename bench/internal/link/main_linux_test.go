package link_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/link"
	"go.uber.org/goleak"
)

// The test binary starts itself anew where a test needs a process of its own: the first
// variable says as what, the second hands down the bridge program.
const (
	roleVariable   = "LINK_TEST_ROLE"
	bridgeVariable = "LINK_TEST_BRIDGE"

	roleHold = "hold"
	roleTry  = "try"
)

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "":
	case roleTry:
		os.Exit(try())
	case roleHold:
		hold()
	default:
		fmt.Fprintln(os.Stderr, "no such role:", role)
		os.Exit(1)
	}
	dir, err := buildBridge()
	if err != nil {
		fmt.Fprintln(os.Stderr, "build linkbridge:", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}

func buildBridge() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "linkbridge"); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "linkbridge")
	if out, err := exec.Command("go", "build", "-o", path, "../../cmd/linkbridge").CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return dir, os.Setenv(bridgeVariable, path)
}

// again returns a command that runs this test binary in a role.
func again(role string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

// newLink makes a link for a test, and expects it to close without an error.
func newLink(t *testing.T, cfg link.Config) *link.Link {
	t.Helper()
	cfg.Bridge = os.Getenv(bridgeVariable)
	l, err := link.New(t.Context(), cfg)
	if errors.Is(err, link.ErrUnavailable) {
		t.Skipf("no link on this machine or for this user: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// held is what a process in roleHold tells.
type held struct {
	Namespaces [2]string // as /proc shows them
	Bridge     int       // processes
	Inside     int
}

// hold makes a link, tells what is in it, and waits to be killed; it panics when
// its input ends.
func hold() {
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	l, err := link.New(context.Background(), link.Config{Bridge: os.Getenv(bridgeVariable)})
	check(err)
	inside := exec.Command("sleep", "infinity")
	check(l.Start(link.Server, inside))
	h := held{Bridge: l.BridgePID(), Inside: inside.Process.Pid}
	for side := range h.Namespaces {
		h.Namespaces[side], err = namespaceOf(l, link.Side(side))
		check(err)
	}
	check(json.NewEncoder(os.Stdout).Encode(h))
	_, err = io.Copy(io.Discard, os.Stdin)
	panic(fmt.Sprint("the input ended: ", err))
}

// try tells by its exit code whether there can be a link.
func try() int {
	l, err := link.New(context.Background(), link.Config{Bridge: os.Getenv(bridgeVariable)})
	if errors.Is(err, link.ErrUnavailable) {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	l.Close()
	return 0
}

// namespaceOf returns the name that /proc gives to the namespace of a side.
func namespaceOf(l *link.Link, side link.Side) (name string, err error) {
	err = l.Do(side, func() error {
		name, err = os.Readlink("/proc/thread-self/ns/net")
		return err
	})
	return name, err
}
