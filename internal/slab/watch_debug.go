//go:build headrace_debug

package slab

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/headrace-go/headrace/internal/invariants"
)

const (
	poison = 0xdb // what a buffer holds between Put and Get
	canary = 0xc5 // what lies between the capacity of a buffer and its end
)

// watch knows, in the debug build, every buffer of an Allocator: who has it,
// or who gave it back. It is apart from the Allocator because every buffer
// leads to it through a cleanup, and must not be kept alive by that.
type watch struct{ *register }

func newWatch() watch { return watch{&register{buffers: make(map[uintptr]*buffer)}} }

type register struct {
	mu      sync.Mutex
	lastID  uint64
	buffers map[uintptr]*buffer // by address: an entry must not keep its memory
	lost    []Loan
}

type buffer struct {
	id       uint64
	tail     int // bytes beyond the capacity
	lent     bool
	poisoned bool
	disowned bool
	filler   byte
	size     int
	taken    invariants.Stack // of the last Get
	given    invariants.Stack // of the last Put
}

// maxLost bounds the report of buffers that the collector found.
const maxLost = 1000

// enter makes a new buffer known.
func (w *register) enter(block []byte, capacity int) {
	fill(block[capacity:], canary)
	p := unsafe.SliceData(block)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(address(p)) // a predecessor whose cleanup has yet to run
	w.lastID++
	w.buffers[address(p)] = &buffer{id: w.lastID, tail: len(block) - capacity}
	runtime.AddCleanup(p, func(f forgotten) {
		f.w.mu.Lock()
		defer f.w.mu.Unlock()
		if b := f.w.buffers[f.at]; b != nil && b.id == f.id {
			f.w.forget(f.at)
		}
	}, forgotten{w, address(p), w.lastID})
}

type forgotten struct {
	w  *register
	at uintptr
	id uint64
}

// forget drops the entry of a buffer that the collector has freed.
func (w *register) forget(at uintptr) {
	b := w.buffers[at]
	if b == nil {
		return
	}
	delete(w.buffers, at)
	if b.lent && !b.disowned && len(w.lost) < maxLost {
		w.lost = append(w.lost, Loan{Size: b.size, Lost: true, Stack: b.taken.String()})
	}
}

// lend notes who takes b, and checks that nobody wrote to it while it was free.
func (w *register) lend(b []byte) {
	full := b[:cap(b)]
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.buffers[address(unsafe.SliceData(b))]
	if e.poisoned {
		if i := firstOther(full, e.filler); i >= 0 {
			panic(fmt.Sprintf("slab: byte %d of a buffer was written after Put\n\nput back by\n%s", i, e.given))
		}
	}
	e.lent, e.poisoned, e.disowned, e.size = true, false, false, len(b)
	e.taken = invariants.Callers()
	fill(full, poison) // undefined contents, visibly so
}

// takeBack reports whether the whole buffer b was lent, and marks it free. It
// panics if it was given back before or written to beyond its end.
func (w *register) takeBack(b []byte, cleared bool) bool {
	p := unsafe.SliceData(b)
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.buffers[address(p)]
	if e == nil {
		return false
	}
	if !e.lent {
		panic(fmt.Sprintf("slab: buffer put back twice\n\nfirst by\n%s\nnow by\n%s", e.given, invariants.Callers()))
	}
	if i := firstOther(unsafe.Slice(p, len(b)+e.tail)[len(b):], canary); i >= 0 {
		panic(fmt.Sprintf("slab: byte %d beyond the end of a buffer was written\n\nlent to\n%s", i, e.taken))
	}
	e.lent, e.poisoned, e.filler = false, true, poison
	e.given = invariants.Callers()
	if cleared {
		e.filler = 0
	} else {
		fill(b, poison)
	}
	return true
}

// disown takes b off the list of loans: its borrower lends it on, and reports it.
func (w *register) disown(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e := w.buffers[address(unsafe.SliceData(b))]; e != nil {
		e.disowned = true
	}
}

// A Loan is a buffer that is not given back.
type Loan struct {
	Size  int    // bytes asked for
	Lost  bool   // the collector found that nobody holds it any more
	Stack string // of the Get
}

// Loans returns what is lent, and what was lost. It exists in the debug build
// only.
func (a *Allocator) Loans() []Loan {
	w := a.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	loans := append([]Loan(nil), w.lost...)
	for _, b := range w.buffers {
		if b.lent && !b.disowned {
			loans = append(loans, Loan{Size: b.size, Stack: b.taken.String()})
		}
	}
	return loans
}

func address(p *byte) uintptr { return uintptr(unsafe.Pointer(p)) }

func fill(b []byte, v byte) {
	if len(b) == 0 {
		return
	}
	b[0] = v
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}

// firstOther returns the index of the first byte that is not v, or -1.
func firstOther(b []byte, v byte) int {
	if len(b) == 0 || b[0] == v && bytes.Equal(b[1:], b[:len(b)-1]) {
		return -1
	}
	for i := range b {
		if b[i] != v {
			return i
		}
	}
	return -1
}
