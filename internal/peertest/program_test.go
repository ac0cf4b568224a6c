package peertest_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/headrace-go/headrace/internal/peertest"
)

// asProgram in the environment makes this test binary the program.
const asProgram = "HEADRACE_TEST_AS_PROGRAM"

// TestMain repeats its input if this is the program, and then ends.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Stdout.WriteString("listening on nothing\n")
		if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func start(t testing.TB) *peertest.Program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return peertest.Start(t, cmd)
}

func TestProgramSays(t *testing.T) {
	p := start(t)
	if got := p.Line("listening on "); got != "nothing" {
		t.Errorf("Line = %q, want what is behind the prefix", got)
	}
	for n := 1; n <= 3; n++ {
		if _, err := io.WriteString(p.In, "a wo"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(p.In, "rd"); err != nil {
			t.Fatal(err)
		}
		p.AwaitText("a word", n)
		if got := p.Count("a word"); got != n {
			t.Errorf("Count = %d, want %d", got, n)
		}
	}
}

// A failing test is one whose failures are expected.
type failing struct {
	testing.TB
	failed chan string
}

func (f failing) Helper() {}

func (f failing) Fatalf(format string, args ...any) {
	f.failed <- fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// TestProgramEnds: nobody waits for what a program that has ended might say.
func TestProgramEnds(t *testing.T) {
	f := failing{t, make(chan string, 1)}
	p := start(f)
	p.Line("listening on ")
	if err := p.In.Close(); err != nil {
		t.Fatal(err)
	}
	go p.AwaitText("never said", 1)
	if got := <-f.failed; !strings.Contains(got, "never said") {
		t.Errorf("it failed with %q, want what was awaited in it", got)
	}
}
