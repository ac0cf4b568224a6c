package counts_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/counts"
	"go.uber.org/goleak"
)

// TestMain is also the traced program: it writes three bytes, one by one, for
// each byte that it reads.
func TestMain(m *testing.M) {
	if os.Getenv("COUNTS_CHILD") != "" {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

func child() {
	one := make([]byte, 1)
	for {
		if _, err := os.Stdin.Read(one); err != nil {
			return
		}
		for range 3 {
			if _, err := os.Stdout.Write(one); err != nil {
				os.Exit(1)
			}
		}
	}
}

func drive(c counts.Child, n int) error {
	for i := range n {
		if _, err := c.Stdin.Write([]byte{byte(i)}); err != nil {
			return err
		}
		if _, err := io.ReadFull(c.Stdout, make([]byte, 3)); err != nil {
			return err
		}
	}
	return nil
}

func TestSyscalls(t *testing.T) {
	if err := counts.TraceError(t.Context()); err != nil {
		t.Skipf("needs strace: %v", err)
	}
	t.Setenv("COUNTS_CHILD", "1")
	got, err := counts.Syscalls(t.Context(), []string{os.Args[0]}, 20, drive)
	if err != nil {
		t.Fatal(err)
	}
	if got != 4 {
		t.Errorf("Syscalls = %g per operation, want one read and three writes", got)
	}
}

func TestTraceReportsAFailingProgram(t *testing.T) {
	if err := counts.TraceError(t.Context()); err != nil {
		t.Skipf("needs strace: %v", err)
	}
	_, err := counts.Trace(t.Context(), []string{"sh", "-c", "echo broken >&2; exit 3"}, func(c counts.Child) error {
		_, err := bufio.NewReader(c.Stdout).ReadString('\n')
		if err != io.EOF {
			return fmt.Errorf("read = %v, want EOF", err)
		}
		return nil
	})
	if err == nil {
		t.Error("Trace of a program that fails succeeded")
	}
}

func TestParseSummary(t *testing.T) {
	const summary = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 50.00    0.000200           0        12         3 read
 50.00    0.000200           1       100           write
------ ----------- ----------- --------- --------- ----------------
100.00    0.000400           0       112         3 total
`
	got, err := counts.ParseSummary(summary)
	if want := map[string]int{"read": 12, "write": 100}; err != nil || !maps.Equal(got, want) {
		t.Errorf("parseSummary = %v, %v, want %v", got, err, want)
	}
	if _, err := counts.ParseSummary("1 2 3 many read\n"); err == nil {
		t.Error("parseSummary of garbage succeeded")
	}
}

var sink []*[64]byte

func TestAllocs(t *testing.T) {
	objects, bytes := counts.Allocs(1000, func() {
		sink = append(sink[:0], new([64]byte), new([64]byte))
	})
	if objects != 2 || bytes != 128 {
		t.Errorf("Allocs = %g objects, %g bytes, want 2 and 128", objects, bytes)
	}
	if objects, bytes := counts.Allocs(1000, func() {}); objects != 0 || bytes != 0 {
		t.Errorf("Allocs of nothing = %g objects, %g bytes", objects, bytes)
	}
}

func TestLive(t *testing.T) {
	const (
		objects = 100_000
		// The runtime makes records of its own for goroutines and threads,
		// whenever it needs a new one, and never frees them.
		others = objects / 100
	)
	sink = make([]*[64]byte, objects)
	before := counts.Live()
	for i := range sink {
		sink[i] = new([64]byte)
	}
	stop := make(chan struct{})
	go func() { <-stop }()
	grown := counts.Live().Since(before)
	close(stop)
	if extra := grown.Objects - objects; extra < -others || extra > others {
		t.Errorf("Live grew by %d objects, want %d, give or take %d of the runtime's", grown.Objects, objects, others)
	}
	if extra := grown.Bytes - 64*objects; extra < -64*others || extra > 64*others {
		t.Errorf("Live grew by %d bytes, want %d, give or take %d of the runtime's", grown.Bytes, 64*objects, 64*others)
	}
	if grown.Goroutines != 1 {
		t.Errorf("Live grew by %d goroutines, want 1", grown.Goroutines)
	}
	sink = nil
	if left := counts.Live().Since(before); left.Objects > others {
		t.Errorf("%d objects left of those that were dropped", left.Objects)
	}
}
