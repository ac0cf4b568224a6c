package rivals

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// processNanoseconds returns the processor time that the threads of a process
// have used so far.
func processNanoseconds(tb testing.TB, pid int) (sum int64) {
	tb.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		tb.Fatalf("no threads of process %d: %v", pid, err)
	}
	for _, name := range threads {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread is gone
		}
		var n int64
		if _, err := fmt.Sscan(string(text), &n); err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		sum += n
	}
	return sum
}

func asUser(id uint32) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
}
