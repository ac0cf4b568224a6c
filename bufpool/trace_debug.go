//go:build headrace_debug

package bufpool

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"weak"

	"github.com/headrace-go/headrace/internal/invariants"
)

// trace is what the debug build remembers in a handle: who held its last
// generations, and who released them.
type trace struct {
	mu      sync.Mutex
	leases  [8]lease // the lease of generation g is at g % 8
	tracked uint64   // key of the present lease in holders
}

type lease struct {
	gen      uint64
	taken    invariants.Stack
	released invariants.Stack
}

// holders are the leases that are not released, of all pools. A handle that
// the collector has freed stays here: it was lost.
var holders = struct {
	mu   sync.Mutex
	last uint64
	all  map[uint64]holder
}{all: make(map[uint64]holder)}

type holder struct {
	handle weak.Pointer[handle]
	size   int
	taken  invariants.Stack
}

// held notes the lease that starts with generation gen of h.
func (t *trace) held(h *handle, gen uint64) {
	taken := invariants.Callers()
	holders.mu.Lock()
	holders.last++
	key := holders.last
	holders.all[key] = holder{weak.Make(h), len(h.data), taken}
	holders.mu.Unlock()

	t.mu.Lock()
	defer t.mu.Unlock()
	t.tracked = key
	t.leases[gen%8] = lease{gen: gen, taken: taken}
}

// released notes the end of generation gen.
func (t *trace) released(gen uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leases[gen%8].released = invariants.Callers()
	holders.mu.Lock()
	defer holders.mu.Unlock()
	delete(holders.all, t.tracked)
}

// stale panics: b was released. It adds to msg who had it, and who did that.
func (b Buf) stale(msg string) {
	t := &b.h.trace
	t.mu.Lock()
	l := t.leases[b.gen%8]
	t.mu.Unlock()
	if l.gen == b.gen {
		msg += fmt.Sprintf("\n\nleased by\n%s\nreleased by\n%s\nnow by\n%s", l.taken, l.released, invariants.Callers())
	}
	panic(msg)
}

// A Loan is a Buf that is not released, or a slice that is not put back.
type Loan struct {
	Size  int    // bytes
	Lost  bool   // the collector found that nobody has it any more
	Stack string // of the lease
}

// Loans returns all Bufs that are not released, Wrapped ones too. It exists in
// the debug build only.
func Loans() []Loan {
	holders.mu.Lock()
	defer holders.mu.Unlock()
	var loans []Loan
	for _, h := range holders.all {
		loans = append(loans, Loan{Size: h.size, Lost: h.handle.Value() == nil, Stack: h.taken.String()})
	}
	slices.SortFunc(loans, func(a, b Loan) int { return bytes.Compare([]byte(a.Stack), []byte(b.Stack)) })
	return loans
}

// Loans returns the slices from Get that are not put back. It exists in the
// debug build only.
func (p *Pool) Loans() []Loan {
	if p.slab == nil {
		return nil
	}
	var loans []Loan
	for _, l := range p.slab.Loans() {
		loans = append(loans, Loan(l))
	}
	return loans
}

const canary = 0xc5

// seal fills what lies behind a lease, up to the end of its buffer.
func seal(full []byte) {
	tail := full[len(full):cap(full)]
	for i := range tail {
		tail[i] = canary
	}
}

// checkSeal panics if the seal is broken.
func checkSeal(full []byte) {
	for i, v := range full[len(full):cap(full)] {
		if v != canary {
			panic(fmt.Sprintf("bufpool: byte %d beyond the end of a Buf of %d bytes was written", i, len(full)))
		}
	}
}
