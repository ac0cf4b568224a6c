package slab

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// A ledger accounts for the memory of an Allocator. Every buffer holds on to
// it through its cleanup, so it must never lead to a buffer: that buffer
// would keep itself alive.
type ledger struct {
	limit    int64 // negative: none
	budget   Budget
	owned    atomic.Int64
	accounts [NumClasses]account
}

// An account is the ledger's page for one class.
type account struct {
	ledger *ledger
	block  int
	owned  atomic.Int64 // buffers
	misses atomic.Uint64
}

// make returns a new buffer of the class, or nil if the limit or the budget do
// not allow it. The budget is charged before the memory is there and credited
// after it has gone, so that what is owned stays within it at every moment.
func (acc *account) make() *byte {
	acc.misses.Add(1)
	if !acc.ledger.charge(acc.block) {
		return nil
	}
	acc.owned.Add(1)
	p := unsafe.SliceData(make([]byte, acc.block))
	if misaligned(p) {
		// Only an instrumented heap aligns less than the size asks for.
		b := make([]byte, acc.block+64)
		p = &b[-uintptr(unsafe.Pointer(&b[0]))%64]
	}
	runtime.AddCleanup(p, (*account).credit, acc)
	return p
}

// credit runs when the collector has freed a buffer.
func (acc *account) credit() {
	acc.owned.Add(-1)
	acc.ledger.credit(acc.block)
}

// charge reports whether n more bytes may be owned, and if so counts them.
func (l *ledger) charge(n int) bool {
	for {
		owned := l.owned.Load()
		if l.limit >= 0 && owned+int64(n) > l.limit {
			return false
		}
		if l.owned.CompareAndSwap(owned, owned+int64(n)) {
			break
		}
	}
	if l.budget != nil && !l.budget.TryReserve(n) {
		l.owned.Add(-int64(n))
		return false
	}
	return true
}

func (l *ledger) credit(n int) {
	l.owned.Add(-int64(n))
	if l.budget != nil {
		l.budget.Release(n)
	}
}
