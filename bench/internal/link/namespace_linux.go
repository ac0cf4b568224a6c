package link

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A namespace is a network namespace without a name, and one thread that stays
// in it: the parent of all processes that are started there. The kernel's
// parent-death signal goes by threads, so it must live as long as they may.
type namespace struct {
	calls      chan func() // for the thread
	quit, done chan struct{}
	started    []*os.Process // touched by the thread only

	mu   sync.Mutex // guards the file's being open
	file *os.File
}

func newNamespace() (*namespace, error) {
	n := &namespace{calls: make(chan func()), quit: make(chan struct{}), done: make(chan struct{})}
	opened := make(chan error)
	onThread(func() { n.live(opened) })
	if err := <-opened; err != nil {
		if errors.Is(err, fs.ErrPermission) {
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return nil, err
	}
	return n, nil
}

// live is the life of the thread.
func (n *namespace) live(opened chan<- error) {
	defer close(n.done)
	home, err := openHome()
	if err != nil {
		opened <- err
		return
	}
	defer returnTo(home)
	err = unix.Unshare(unix.CLONE_NEWNET)
	if err == nil {
		n.file, err = os.Open(threadNamespace)
	}
	if err != nil {
		opened <- fmt.Errorf("link: make a network namespace: %w", err)
		return
	}
	opened <- nil
	for {
		select {
		case call := <-n.calls:
			call()
		case <-n.quit:
			for _, p := range n.started {
				_ = p.Kill() // most have ended long ago
			}
			return
		}
	}
}

// do calls f on a thread of its own inside the namespace.
func (n *namespace) do(f func() error) error {
	result := make(chan error, 1)
	onThread(func() {
		var err error
		defer func() { result <- err }()
		var home *os.File
		if home, err = openHome(); err != nil {
			return
		}
		defer returnTo(home)
		if err = n.enter(); err != nil {
			return
		}
		err = errors.New("link: the function ended its goroutine") // unless it returns
		err = f()
	})
	return <-result
}

func (n *namespace) enter() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.file == nil {
		return ErrClosed
	}
	if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("link: enter namespace: %w", err)
	}
	return nil
}

// start starts cmd as a child of the thread.
func (n *namespace) start(cmd *exec.Cmd) error {
	result := make(chan error, 1)
	call := func() {
		if cmd.SysProcAttr == nil {
			cmd.SysProcAttr = new(syscall.SysProcAttr)
		}
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
		err := cmd.Start()
		if err == nil {
			n.started = append(n.started, cmd.Process)
		}
		result <- err
	}
	select {
	case n.calls <- call:
		return <-result
	case <-n.done:
		return ErrClosed
	}
}

// configure sets what differs from a new namespace's defaults.
func (n *namespace) configure(congestionControl string) error {
	settings := map[string]string{
		// What one connection learnt about the path must not shape the next one:
		// rows of a benchmark would depend on each other.
		"net/ipv4/tcp_no_metrics_save": "1",
	}
	if congestionControl != "" {
		settings[congestionControlSetting] = congestionControl
	}
	return n.do(func() error {
		for name, value := range settings {
			err := os.WriteFile("/proc/sys/"+name, []byte(value), 0)
			if name == congestionControlSetting && errors.Is(err, fs.ErrPermission) {
				err = fmt.Errorf("%w: net.ipv4.tcp_allowed_congestion_control of the machine must name it", err)
			}
			if err != nil {
				return fmt.Errorf("link: set %s to %q: %w", name, value, err)
			}
		}
		return nil
	})
}

const congestionControlSetting = "net/ipv4/tcp_congestion_control"

// congestionControl returns what new TCP connections in the namespace use.
func (n *namespace) congestionControl() (name string, err error) {
	err = n.do(func() error {
		b, err := os.ReadFile("/proc/sys/" + congestionControlSetting)
		name = strings.TrimSpace(string(b))
		return err
	})
	return name, err
}

// close ends the thread and lets go of the namespace.
func (n *namespace) close() {
	close(n.quit)
	<-n.done
	n.mu.Lock()
	defer n.mu.Unlock()
	n.file.Close()
	n.file = nil
}

const threadNamespace = "/proc/thread-self/ns/net"

// onThread calls f in a goroutine that is locked to a thread, so that the thread may
// change its namespace: any but the main one, whose namespace counts as that of the
// whole process in /proc. f ends with returnTo.
func onThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			f()
			return
		}
		locked := make(chan struct{})
		go func() {
			runtime.LockOSThread() // another one: the main thread is held below
			close(locked)
			f()
		}()
		<-locked
		runtime.UnlockOSThread()
	}()
}

// openHome opens the namespace that the thread is in: the way back.
func openHome() (*os.File, error) {
	home, err := os.Open(threadNamespace)
	if err != nil {
		return nil, fmt.Errorf("link: open namespace: %w", err)
	}
	return home, nil
}

// returnTo brings the thread home and gives it back to the scheduler. A thread
// that cannot go home stays locked, and so ends with its goroutine.
func returnTo(home *os.File) {
	defer home.Close()
	if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread()
	}
}
