package growth_test

import (
	"bytes"
	"testing"

	"github.com/headrace-go/headrace/internal/growth"
)

// A ledger is both a Pool and a Budget, and keeps their accounts.
type ledger struct {
	lent     int
	reserved int
	limit    int
}

func (l *ledger) Get(n int) []byte { l.lent++; return make([]byte, n) }
func (l *ledger) Put([]byte)       { l.lent-- }

func (l *ledger) TryReserve(n int) bool {
	if l.reserved+n > l.limit {
		return false
	}
	l.reserved += n
	return true
}

func (l *ledger) Release(n int) { l.reserved -= n }

func burst(w *growth.Window, fill func(size int) int) (offered int) {
	size := w.Next()
	b := w.Get(size)
	offered = len(b)
	w.Put(b)
	w.Observe(fill(offered))
	return offered
}

func full(n int) int  { return n }
func small(int) int   { return 100 }
func third(n int) int { return n / 3 }

func TestWindowGrowsAndShrinks(t *testing.T) {
	l := &ledger{limit: 1 << 30}
	w := growth.New(l, l, 0)
	var got []int
	for range 6 {
		got = append(got, burst(&w, full)>>10)
	}
	for range 3 {
		burst(&w, small)
	}
	burst(&w, third) // one burst that is not small starts the count again
	got = append(got, w.Size()>>10)
	for range 20 {
		burst(&w, small)
	}
	got = append(got, w.Size()>>10, w.Next()>>10)
	want := []int{4, 16, 64, 256, 512, 512, 512, 16, 4}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("sizes %v KiB, want %v", got, want)
		}
	}
	if l.lent != 0 || l.reserved != 0 {
		t.Fatalf("%d buffers lent, %d bytes reserved at the end", l.lent, l.reserved)
	}
}

func TestWindowWithoutBudget(t *testing.T) {
	l := &ledger{}
	w := growth.New(l, l, 0)
	for range 5 {
		if n := burst(&w, full); n != growth.Least {
			t.Fatalf("%d bytes without a budget, want the least", n)
		}
	}
	l.limit = 1 << 20
	if n := burst(&w, full); n != growth.Floor {
		t.Fatalf("%d bytes once there is a budget, want the floor", n)
	}
}

// TestWindowTakesWhatIsGranted: a budget that is nearly spent grants less.
func TestWindowTakesWhatIsGranted(t *testing.T) {
	l := &ledger{limit: 1 << 20}
	w := growth.New(l, l, 0)
	for range 4 {
		burst(&w, full)
	}
	l.limit = 200 << 10
	if w.Size() != growth.Max {
		t.Fatalf("the size is %d, want the largest", w.Size())
	}
	if n := burst(&w, full); n != growth.Max/4 || l.reserved != 0 {
		t.Fatalf("%d bytes lent, %d reserved afterwards, want a quarter, and none", n, l.reserved)
	}
}

// TestWindowAfterAStall: the burst after one that stalled is a small one, and
// the size comes down while it goes on stalling.
func TestWindowAfterAStall(t *testing.T) {
	l := &ledger{limit: 1 << 30}
	w := growth.New(l, l, 0)
	for range 5 {
		burst(&w, full)
	}
	for _, want := range []int{128, 32, 16, 16} {
		n := w.Next()
		b := w.Get(n)
		held, _ := w.Shrink(b, b)
		w.Put(held)
		w.Observe(n)
		if w.Size() != want<<10 || w.Next() != 4<<10 {
			t.Fatalf("after a stall the size is %d and the next burst %d, want %d KiB and 4", w.Size(), w.Next(), want)
		}
	}
	for _, want := range []int{4, 16, 64} {
		n := w.Next()
		w.Put(w.Get(n))
		w.Observe(n)
		if n != want<<10 {
			t.Fatalf("a burst of %d bytes, want %d KiB", n, want)
		}
	}
	if l.lent != 0 || l.reserved != 0 {
		t.Fatalf("%d buffers lent, %d bytes reserved at the end", l.lent, l.reserved)
	}
}

func TestShrink(t *testing.T) {
	l := &ledger{limit: 1 << 20}
	w := growth.New(l, l, 0)
	data := bytes.Repeat([]byte("0123456789abcdef"), 32<<10)

	b := w.Get(512 << 10)
	copy(b, data)
	held, kept := w.Shrink(b, b[300:]) // frees too little to be worth a copy
	if &held[0] != &b[0] || !bytes.Equal(kept, data[300:]) || l.reserved != 508<<10 {
		t.Fatalf("Shrink to nearly all changed the buffer, %d reserved", l.reserved)
	}
	held, kept = w.Shrink(held, kept[len(kept)-100_000:])
	if !bytes.Equal(kept, data[len(data)-100_000:]) || l.reserved != 100_000-growth.Least {
		t.Fatalf("Shrink to 100000 bytes: %d kept, %d reserved", len(kept), l.reserved)
	}
	held, kept = w.Shrink(held, kept[len(kept)-10:])
	if !bytes.Equal(kept, data[len(data)-10:]) || l.reserved != 0 || l.lent != 1 {
		t.Fatalf("Shrink to 10 bytes: %q kept, %d reserved, %d lent", kept, l.reserved, l.lent)
	}
	w.Put(held)
	b = w.Get(growth.Floor) // of a small one a quarter is worth it
	held, kept = w.Shrink(b, b[6<<10:])
	if &held[0] == &b[0] || len(kept) != 10<<10 {
		t.Fatalf("Shrink of 16 KiB to %d bytes kept the buffer", len(kept))
	}
	w.Put(held)
	if l.lent != 0 {
		t.Fatalf("%d buffers lent at the end", l.lent)
	}
}

// TestDefaultBudgetIsShared: it has a bound, no burst takes more than a part of
// what is left, and what is released can be reserved again.
func TestDefaultBudgetIsShared(t *testing.T) {
	b := growth.Default()
	for range 2 {
		var granted []int
		for _, n := range []int{growth.Max, growth.Max / 4, growth.Floor, growth.Least} {
			count := 0
			for n -= growth.Least / 2; b.TryReserve(n); count++ {
				granted = append(granted, n)
				if count > 1<<12 {
					t.Fatal("the default budget has no bound")
				}
			}
			if count == 0 {
				t.Errorf("no burst of %d bytes after %d larger ones", n, len(granted))
			}
		}
		for _, n := range granted {
			b.Release(n)
		}
	}
}
