package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// spin is a package whose one constant sets the work of its benchmarks: bound
// by the processor, by the cache and by the allocator.
const spin = `package spin

import "testing"

const work = %d

var (
	number uint64
	memory []byte
)

func BenchmarkShift(b *testing.B) {
	for b.Loop() {
		x := uint64(88172645463325252)
		for range 20 * work {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		number = x
	}
}

func BenchmarkCopy(b *testing.B) {
	from, to := make([]byte, 1024*work), make([]byte, 1024*work)
	b.SetBytes(int64(len(from)))
	for b.Loop() {
		copy(to, from)
	}
}

func BenchmarkMake(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		for range work {
			memory = make([]byte, 1024)
		}
	}
}
`

// repository makes a git repository of one commit for each amount of work,
// tagged work-N, and makes it the working directory of the test.
func repository(t *testing.T, works ...int) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "go.mod", "module example.com/spin\n\ngo 1.24\n")
	git(t, "init", "--quiet")
	for _, work := range works {
		write(t, "spin_test.go", fmt.Sprintf(spin, work))
		git(t, "add", ".")
		git(t, "-c", "user.name=test", "-c", "user.email=test@invalid", "commit", "--quiet", "-m", "work")
		git(t, "tag", fmt.Sprintf("work-%d", work))
	}
	// What compare leaves behind would be in here.
	temp := filepath.Join(t.TempDir(), "temp")
	if err := os.Mkdir(temp, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temp)
	worktrees := git(t, "worktree", "list")
	t.Cleanup(func() {
		left, err := os.ReadDir(temp)
		if err != nil || len(left) > 0 {
			t.Errorf("compare left %v in its temporary directory (%v)", left, err)
		}
		if now := git(t, "worktree", "list"); now != worktrees {
			t.Errorf("worktrees before:\n%safter:\n%s", worktrees, now)
		}
	})
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}
