//go:build headrace_debug

package slab_test

import (
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/headrace-go/headrace/internal/slab"
)

// mustPanic runs f and checks that it panics with all of these words.
func mustPanic(t *testing.T, f func(), words ...string) {
	t.Helper()
	defer func() {
		t.Helper()
		msg, ok := recover().(string)
		if !ok {
			t.Fatal("no panic")
		}
		for _, w := range words {
			if !strings.Contains(msg, w) {
				t.Errorf("panic lacks %q:\n%s", w, msg)
			}
		}
	}()
	f()
}

func firstPut(a *slab.Allocator, b []byte)  { a.Put(b) }
func secondPut(a *slab.Allocator, b []byte) { a.Put(b) }

func TestDebugDoublePut(t *testing.T) {
	a := slab.New(slab.Config{})
	b := a.Get(1000)
	firstPut(a, b)
	mustPanic(t, func() { secondPut(a, b) }, "slab: ", "twice", "firstPut", "secondPut")
}

func TestDebugWriteAfterPut(t *testing.T) {
	a := slab.New(slab.Config{Floor: -1})
	b := a.Get(1000)
	firstPut(a, b)
	b[7] = 1
	mustPanic(t, func() {
		// The buffer comes back with one of the next Gets: with the first,
		// unless the race detector has the sync.Pool forget it.
		for {
			c := a.Get(1000)
			if &c[0] == &b[0] {
				return
			}
			b = a.Get(1000)
			firstPut(a, b)
			b[7] = 1
		}
	}, "slab: byte 7", "after Put", "firstPut")
}

func TestDebugWriteBeyondTheEnd(t *testing.T) {
	a := slab.New(slab.Config{})
	b := a.Get(1000)
	over := unsafe.Slice(unsafe.SliceData(b), cap(b)+1)
	over[cap(b)] = 1
	mustPanic(t, func() { a.Put(b) }, "slab: byte 0 beyond the end", "TestDebugWriteBeyondTheEnd")
}

func TestDebugPoison(t *testing.T) {
	a := slab.New(slab.Config{})
	b := a.Get(100)
	b[0] = 1
	a.Put(b)
	for i, v := range b {
		if v != 0xdb {
			t.Fatalf("byte %d = %#x after Put, want 0xdb", i, v)
		}
	}
}

func TestDebugForeignSliceOfAClassIsRefused(t *testing.T) {
	a := slab.New(slab.Config{})
	a.Put(make([]byte, 64))
	if got := a.Stats().Refused; got != 1 {
		t.Errorf("Refused = %d, want 1", got)
	}
}

func TestDebugLoans(t *testing.T) {
	a := slab.New(slab.Config{Floor: -1})
	b := a.Get(123)
	loans := a.Loans()
	if len(loans) != 1 || loans[0].Size != 123 || loans[0].Lost || !strings.Contains(loans[0].Stack, "TestDebugLoans") {
		t.Fatalf("Loans = %+v", loans)
	}
	a.Put(b)
	if got := a.Loans(); len(got) != 0 {
		t.Errorf("Loans = %+v after Put", got)
	}
	func() { a.Get(456) }()
	collectUntil(t, func() bool {
		loans = a.Loans()
		return len(loans) == 1 && loans[0].Lost
	})
	if loans[0].Size != 456 || !strings.Contains(loans[0].Stack, "TestDebugLoans") {
		t.Errorf("lost: %+v", loans)
	}
	runtime.KeepAlive(a)
}
