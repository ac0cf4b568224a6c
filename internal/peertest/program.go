package peertest

import (
	"bytes"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// Need returns the path of a program, or skips the test and says which of
// Debian's packages has it. PATH and Debian's directory for daemons are searched.
func Need(t testing.TB, name, pkg string) string {
	t.Helper()
	for _, file := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(file); err == nil {
			return path
		}
	}
	t.Skipf("no %s here to test against (Debian: %s)", name, pkg)
	return ""
}

// A Program is a process that runs beside a test, until that ends.
type Program struct {
	// In is its standard input.
	In io.WriteCloser

	t    testing.TB
	name string

	mu      sync.Mutex
	said    []byte        // on standard output and standard error
	ended   bool          // and will say no more
	changed chan struct{} // closed when one of these has changed
}

// Start starts cmd, whose input and output must not be set. The program is killed
// when the test ends; if that has failed, the log shows what the program said last.
func Start(t testing.TB, cmd *exec.Cmd) *Program {
	t.Helper()
	p := &Program{t: t, name: cmd.Path, changed: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = said{p}, said{p}
	var err error
	if p.In, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = cmd.Wait() // what it thinks of its end is in what it said
		p.change(func() { p.ended = true })
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-over
		if t.Failed() {
			t.Logf("%s said %q", p.name, p.last())
		}
	})
	return p
}

type said struct{ p *Program }

func (s said) Write(b []byte) (int, error) {
	s.p.change(func() { s.p.said = append(s.p.said, b...) })
	return len(b), nil
}

func (p *Program) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
}

// Await returns when done reports true of all that the program has said, which is
// lent to done. It ends the test if the program ends before.
func (p *Program) Await(what string, done func(said []byte) bool) {
	p.t.Helper()
	for {
		p.mu.Lock()
		is, ended, changed := done(p.said), p.ended, p.changed
		p.mu.Unlock()
		if is {
			return
		}
		if ended {
			p.t.Fatalf("%s ended before %s", p.name, what)
		}
		<-changed
	}
}

// AwaitText returns when the program has said text n times.
func (p *Program) AwaitText(text string, n int) {
	p.t.Helper()
	p.Await("it printed "+text, func(said []byte) bool { return bytes.Count(said, []byte(text)) >= n })
}

// Line returns the rest of the first line that the program begins with prefix.
func (p *Program) Line(prefix string) (rest string) {
	p.t.Helper()
	p.Await("it printed a line "+prefix, func(said []byte) bool {
		for line := range strings.Lines(string(said)) {
			if after, ok := strings.CutPrefix(line, prefix); ok && strings.HasSuffix(after, "\n") {
				rest = strings.TrimSpace(after)
				return true
			}
		}
		return false
	})
	return rest
}

// Count returns how often the program has said text so far.
func (p *Program) Count(text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Count(p.said, []byte(text))
}

// last is the end of what the program said.
func (p *Program) last() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.said[max(0, len(p.said)-4096):])
}
