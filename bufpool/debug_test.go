//go:build headrace_debug

package bufpool_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/internal/await"
)

const debugEnabled = true

func unreleased() int {
	loans := bufpool.Loans()
	for _, l := range loans {
		if !l.Lost { // tests of the report itself lose some
			fmt.Fprintf(os.Stderr, "not released: %d bytes, leased by\n%s\n", l.Size, l.Stack)
			return 1
		}
	}
	return 0
}

func leaseHere(p *bufpool.Pool) bufpool.Buf { return p.Lease(8, 1000, 8) }
func firstRelease(b bufpool.Buf)            { b.Release() }
func secondRelease(b bufpool.Buf)           { b.Release() }

func TestDebugDoubleRelease(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	b := leaseHere(p)
	firstRelease(b)
	mustPanic(t, func() { secondRelease(b) }, "bufpool: Buf released twice", "leaseHere", "firstRelease", "secondRelease")
	// The record may have been lent again: the stacks are still there.
	for range 3 {
		leaseHere(p).Release()
	}
	mustPanic(t, func() { secondRelease(b) }, "bufpool: Buf released twice", "firstRelease", "secondRelease")
}

func TestDebugUseAfterRelease(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	b := leaseHere(p)
	firstRelease(b)
	mustPanic(t, func() { b.Bytes() }, "bufpool: Buf used after Release", "leaseHere", "firstRelease")
}

func TestDebugPoison(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	b := leaseHere(p)
	window := b.Bytes()
	window[0] = 1
	b.Release()
	for i, v := range window {
		if v != 0xdb {
			t.Fatalf("byte %d = %#x after Release, want 0xdb", i, v)
		}
	}
}

func TestDebugWriteAfterRelease(t *testing.T) {
	p := mustNew(t, bufpool.Config{Floor: -1})
	mustPanic(t, func() {
		// Under -race the sync.Pool may forget the buffer: then once more.
		for range 1000 {
			b := leaseHere(p)
			window := b.Bytes()
			firstRelease(b)
			window[3] = 1
		}
	}, "written after Put", "firstRelease")
}

func TestDebugWriteBeyondTheEnd(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	b := p.Lease(0, 1000, 0)
	over := unsafe.Slice(unsafe.SliceData(b.Bytes()), 1001)
	over[1000]++
	mustPanic(t, func() { b.Release() }, "bufpool: byte 0 beyond the end")
}

func TestDebugDoublePut(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	b := p.Get(100)
	p.Put(b)
	mustPanic(t, func() { p.Put(b) }, "twice", "TestDebugDoublePut")
}

func TestDebugLoans(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	before := len(bufpool.Loans())
	b := leaseHere(p)
	s := b.Share()
	b.Release()
	w := bufpool.Wrap(make([]byte, 77), nil)
	raw := p.Get(123)
	found := 0
	for _, l := range bufpool.Loans() {
		if l.Lost || !strings.Contains(l.Stack, "TestDebugLoans") {
			continue
		}
		if l.Size != 77 && l.Size != 1000 {
			t.Errorf("loan of %d bytes", l.Size)
		}
		found++
	}
	if found != 2 {
		t.Errorf("%d of 2 leases are listed", found)
	}
	if loans := p.Loans(); len(loans) != 1 || loans[0].Size != 123 || !strings.Contains(loans[0].Stack, "TestDebugLoans") {
		t.Errorf("Loans = %+v, want the slice of 123 bytes", loans)
	}
	s.Release()
	w.Release()
	p.Put(raw)
	if got := len(bufpool.Loans()); got != before {
		t.Errorf("%d loans after everything is back, want %d", got, before)
	}
}

func TestDebugLostLease(t *testing.T) {
	p := mustNew(t, bufpool.Config{Floor: -1})
	func() { leaseHere(p) }()
	await.Until(t, "the loan is lost", func() bool {
		runtime.GC()
		return slices.ContainsFunc(bufpool.Loans(), func(l bufpool.Loan) bool {
			return l.Lost && strings.Contains(l.Stack, "TestDebugLostLease")
		})
	})
}
