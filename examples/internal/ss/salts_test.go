package ss_test

import (
	"crypto/rand"
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/ss"
	"github.com/headrace-go/headrace/internal/liveheap"
)

func salt(n int) []byte {
	b := make([]byte, 32)
	binary.LittleEndian.PutUint64(b[8:], uint64(n))
	return b
}

func TestSalts(t *testing.T) {
	var s ss.Salts
	const kept = ss.SaltsPerGeneration
	for n := range kept {
		if !s.Add(salt(n)) {
			t.Fatalf("salt %d: not new", n)
		}
	}
	for n := range kept {
		if s.Add(salt(n)) {
			t.Fatalf("salt %d: forgotten within its generation", n)
		}
	}
	// The next generation begins, the first is still known at its end ...
	for n := kept; n < 2*kept; n++ {
		if !s.Add(salt(n)) {
			t.Fatalf("salt %d: not new", n)
		}
	}
	for n := range 2 * kept {
		if s.Add(salt(n)) {
			t.Fatalf("salt %d: forgotten with no need", n)
		}
	}
	// ... and makes room for the one after.
	if !s.Add(salt(2 * kept)) {
		t.Error("a new salt is not new")
	}
	if !s.Add(salt(0)) {
		t.Error("the oldest salt is still remembered")
	}
	if s.Add(salt(kept)) {
		t.Error("a salt of the previous generation is forgotten")
	}
}

// One of many that bring the same salt at once is the first.
func TestSaltsConcurrent(t *testing.T) {
	var s ss.Salts
	var added atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range 1000 {
				if s.Add(salt(n)) {
					added.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if got := added.Load(); got != 1000 {
		t.Errorf("%d salts were new, want 1000", got)
	}
}

// TestSaltsBound: however many salts come, the memory stays within the 6 MB that
// the comment promises.
func TestSaltsBound(t *testing.T) {
	before := liveheap.Bytes()
	var s ss.Salts
	b := make([]byte, 32)
	for range 4 * ss.SaltsPerGeneration {
		if _, err := rand.Read(b); err != nil {
			t.Fatal(err)
		}
		if !s.Add(b) {
			t.Fatal("a random salt was seen before")
		}
	}
	used := liveheap.Bytes() - before
	t.Logf("%d salts take %d bytes", 2*ss.SaltsPerGeneration, used)
	if used > 6<<20 {
		t.Errorf("more than %d", 6<<20)
	}
	runtime.KeepAlive(&s)
}
