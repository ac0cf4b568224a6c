package link_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/link"
	"golang.org/x/sys/unix"
)

// TestNothingOutlivesItsOwner ends a process that has a link in each way there is, and
// expects everything that held the namespaces, and so the devices, to be gone.
func TestNothingOutlivesItsOwner(t *testing.T) {
	newLink(t, link.Config{}).Close() // skips where there can be none
	for _, tt := range []struct {
		name string
		end  func(owner *exec.Cmd, input *os.File) error
	}{
		{"interrupt", func(owner *exec.Cmd, _ *os.File) error { return owner.Process.Signal(syscall.SIGINT) }},
		{"terminate", func(owner *exec.Cmd, _ *os.File) error { return owner.Process.Signal(syscall.SIGTERM) }},
		{"kill", func(owner *exec.Cmd, _ *os.File) error { return owner.Process.Kill() }},
		{"panic", func(_ *exec.Cmd, input *os.File) error { return input.Close() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			owner := again(roleHold)
			owner.Stderr = nil // the panic's
			stdin, input, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer input.Close()
			owner.Stdin = stdin
			stdout, err := owner.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := owner.Start(); err != nil {
				t.Fatal(err)
			}
			stdin.Close()
			defer owner.Wait()
			defer owner.Process.Kill()
			var h held
			if err := json.NewDecoder(stdout).Decode(&h); err != nil {
				t.Fatal(err)
			}
			want := []int{owner.Process.Pid, h.Bridge, h.Inside}
			slices.Sort(want)
			if got := holders(t, h.Namespaces); !slices.Equal(got, want) {
				t.Fatalf("processes %v hold the namespaces, want %v: the owner, its bridge and what it started", got, want)
			}
			var ends []int
			for _, pid := range want {
				fd, err := unix.PidfdOpen(pid, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer unix.Close(fd)
				ends = append(ends, fd)
			}
			if err := tt.end(owner, input); err != nil {
				t.Fatal(err)
			}
			for _, fd := range ends {
				awaitEnd(t, fd)
			}
		})
	}
}

// awaitEnd waits until the process behind a pidfd has ended.
func awaitEnd(t *testing.T, pidfd int) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds, -1); err == nil {
			return
		} else if err != unix.EINTR {
			t.Fatal(err)
		}
	}
}

// holders returns the processes with a thread in one of the namespaces or with
// an open file of one, by process number.
func holders(t *testing.T, namespaces [2]string) []int {
	t.Helper()
	var links []string
	for _, pattern := range []string{"/proc/[0-9]*/task/*/ns/net", "/proc/[0-9]*/fd/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		links = append(links, found...)
	}
	var pids []int
	for _, path := range links {
		name, err := os.Readlink(path)
		if err != nil || !slices.Contains(namespaces[:], name) {
			continue // what has ended meanwhile holds nothing
		}
		pid, err := strconv.Atoi(strings.Split(path, "/")[2])
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

func TestCloseLeavesNothing(t *testing.T) {
	newLink(t, link.Config{}).Close() // Go opens files of its own the first time
	before := openFiles(t)
	l := newLink(t, link.Config{})
	inside := exec.Command("sleep", "infinity")
	if err := l.Start(link.Client, inside); err != nil {
		t.Fatal(err)
	}
	bridge, err := unix.PidfdOpen(l.BridgePID(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var namespaces [2]string
	for side := range namespaces {
		if namespaces[side], err = namespaceOf(l, link.Side(side)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	awaitEnd(t, bridge)
	unix.Close(bridge)
	var exit *exec.ExitError
	if err := inside.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("what was started inside ended with %v, want it killed", err)
	}
	if got := holders(t, namespaces); slices.Contains(got, os.Getpid()) {
		t.Error("a thread or a file of this process is still in a namespace")
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d files are open, %d were", after, before)
	}
	if _, err := l.Report(); err == nil {
		t.Error("Report worked on a closed link")
	}
	if err := l.Do(link.Client, func() error { return nil }); !errors.Is(err, link.ErrClosed) {
		t.Errorf("Do = %v, want ErrClosed", err)
	}
	if err := l.Start(link.Client, exec.Command("true")); !errors.Is(err, link.ErrClosed) {
		t.Errorf("Start = %v, want ErrClosed", err)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestUnavailable takes from a process what makes root mighty.
func TestUnavailable(t *testing.T) {
	bridge := exec.Command(os.Getenv(bridgeVariable))
	for _, cmd := range []*exec.Cmd{again(roleTry), bridge} {
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if err := startPowerless(cmd); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("%s: %v, want exit code 2", cmd.Path, err)
		}
		if !strings.Contains(stderr.String(), "needs Linux, root") {
			t.Errorf("%s says %q", cmd.Path, &stderr)
		}
	}
}

// startPowerless starts cmd without the capabilities that a link needs.
func startPowerless(cmd *exec.Cmd) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		for _, capability := range []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN} {
			err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
			if err != nil && err != unix.EPERM { // who may not drop it does not have it
				result <- err
				return
			}
		}
		result <- cmd.Start()
	}()
	return <-result
}
