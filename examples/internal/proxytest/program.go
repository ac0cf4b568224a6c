package proxytest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headrace-go/headrace/internal/await"
)

// asProgram in the environment makes a test binary the program that it tests.
const asProgram = "HEADRACE_TEST_AS_PROGRAM"

// patience is when a program that has not ended by itself is killed.
const patience = 3 * time.Minute

// Main is a TestMain that runs the tests, and program where Start wants it.
func Main(m *testing.M, program func()) {
	if os.Getenv(asProgram) != "" {
		program()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// A Program is a running process of the program under test.
type Program struct {
	Addr  string // where it says it listens
	Debug string // and its debug address, if it has one

	t      testing.TB
	cmd    *exec.Cmd
	log    chan string // lines of standard error
	waited chan error
	stop   func()
}

// Start runs the program with args and returns when it is ready. At the end of
// the test the program is interrupted, and has to exit with status 0.
func Start(t testing.TB, args ...string) *Program {
	t.Helper()
	p := launch(t, args...)
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.run()
	said := bufio.NewScanner(stdout)
	for said.Scan() {
		switch what, addr, _ := strings.Cut(said.Text(), " on "); what {
		case "listening":
			p.Addr = addr
		case "debug":
			p.Debug = addr
		}
		if p.Addr != "" && (p.Debug != "" || !wantsDebug(args)) {
			t.Cleanup(p.Stop)
			return p
		}
	}
	t.Fatalf("%q did not start: %v; it logged %q", args, <-p.waited, p.rest())
	return nil
}

// Refuses runs the program with each of these arguments, which must make it say
// in one line why it does not start, and exit with status 1.
func Refuses(t testing.TB, args ...[]string) {
	t.Helper()
	for _, args := range args {
		if status, lines := fail(t, args); status != 1 || len(lines) != 1 {
			t.Errorf("%q: status %d, logged %q, want status 1 and one line", args, status, lines)
		}
	}
}

// ShowsUsage runs the program with each of these arguments, which must make it
// say how it is used, and exit with status 2.
func ShowsUsage(t testing.TB, args ...[]string) {
	t.Helper()
	for _, args := range args {
		if status, lines := fail(t, args); status != 2 || len(lines) == 0 {
			t.Errorf("%q: status %d, logged %q, want status 2 and some lines", args, status, lines)
		}
	}
}

// fail returns the program's exit status and what it wrote to standard error.
func fail(t testing.TB, args []string) (status int, lines []string) {
	t.Helper()
	p := launch(t, args...)
	p.run()
	<-p.waited // the status says it all
	return p.cmd.ProcessState.ExitCode(), p.rest()
}

// Quiet stops programs, which must have nothing more to complain about.
func Quiet(t testing.TB, programs ...*Program) {
	t.Helper()
	for _, p := range programs {
		if lines := p.Rest(); len(lines) > 0 {
			t.Errorf("logged %q", lines)
		}
	}
}

func launch(t testing.TB, args ...string) *Program {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no way to interrupt another process")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	p := &Program{t: t, log: make(chan string, 1<<16), waited: make(chan error, 1)}
	p.cmd = exec.CommandContext(ctx, self, args...)
	// A race detector would let each process linger for a second at its end.
	p.cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	p.cmd.SysProcAttr = dieWithParent()
	p.stop = sync.OnceFunc(p.interrupt)
	return p
}

func wantsDebug(args []string) bool {
	for _, arg := range args {
		if arg == "-debug" {
			return true
		}
	}
	return false
}

// run starts the process and collects its log.
func (p *Program) run() {
	p.t.Helper()
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the child dies with the thread that made it
		started <- p.cmd.Start()
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			p.log <- lines.Text()
		}
		close(p.log)
		p.waited <- p.cmd.Wait()
	}()
	if err := <-started; err != nil {
		p.t.Fatal(err)
	}
}

// Stop interrupts the program and waits for its end. It may be called before the
// test ends.
func (p *Program) Stop() { p.stop() }

func (p *Program) interrupt() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Errorf("interrupt: %v", err)
	}
	if err := <-p.waited; err != nil {
		p.t.Errorf("after SIGINT: %v; it logged %q", err, p.rest())
	}
}

// LogLine waits for the next line that the program logs.
func (p *Program) LogLine() string {
	p.t.Helper()
	line, ok := <-p.log
	if !ok {
		p.t.Fatal("the program ended and logged nothing more")
	}
	return line
}

// Rest stops the program and returns all lines that LogLine has not.
func (p *Program) Rest() []string {
	p.t.Helper()
	p.Stop()
	return p.rest()
}

func (p *Program) rest() (lines []string) {
	for line := range p.log {
		lines = append(lines, line)
	}
	return lines
}

// Vars is what a program shows at its debug address.
type Vars struct {
	Goroutines int
	Proxy      struct{ Accepted, Refused, Joined, Cut, Idle, Up, Down int64 }
}

// Vars asks the program, which must have been started with -debug.
func (p *Program) Vars() Vars {
	p.t.Helper()
	var v Vars
	if err := json.Unmarshal(p.Get("/debug/vars"), &v); err != nil {
		p.t.Fatal(err)
	}
	return v
}

// Get returns what is at path of the program's debug address.
func (p *Program) Get(path string) []byte {
	p.t.Helper()
	resp, err := http.Get("http://" + p.Debug + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	body, err := io.ReadAll(resp.Body)
	if err := resp.Body.Close(); err != nil {
		p.t.Fatal(err)
	}
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s, %v", path, resp.Status, err)
	}
	return body
}

// Sockets returns how many sockets the program has open.
func (p *Program) Sockets() int {
	p.t.Helper()
	return sockets(p.t, p.cmd.Process.Pid)
}

// AwaitSockets returns when the program has n sockets open.
func (p *Program) AwaitSockets(n int) {
	p.t.Helper()
	await.Until(p.t, fmt.Sprintf("the program has %d sockets", n), func() bool { return p.Sockets() == n })
}
