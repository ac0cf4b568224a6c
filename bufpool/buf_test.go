package bufpool_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/bufpool"
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

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// leaseOf returns a lease whose window is s.
func leaseOf(t testing.TB, p *bufpool.Pool, s string) bufpool.Buf {
	t.Helper()
	b := p.Lease(16, 0, len(s)+16)
	must(t, b.Append([]byte(s)))
	return b
}

// checkBuf checks the window of b and the room around it.
func checkBuf(t testing.TB, b bufpool.Buf, window string, headroom, tailroom int) {
	t.Helper()
	if got := string(b.Bytes()); got != window || b.Len() != len(window) || b.Headroom() != headroom || b.Tailroom() != tailroom {
		t.Errorf("Bytes = %q, Len = %d, Headroom = %d, Tailroom = %d, want %q, %d, %d, %d",
			got, b.Len(), b.Headroom(), b.Tailroom(), window, len(window), headroom, tailroom)
	}
}

func TestBufWindow(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	b := p.Lease(4, 0, 10)
	defer b.Release()
	checkBuf(t, b, "", 4, 10)
	must(t, b.Append([]byte("body")))
	checkBuf(t, b, "body", 4, 6)
	header, err := b.Prepend(2)
	must(t, err)
	copy(header, "h:")
	checkBuf(t, b, "h:body", 2, 6)
	if got := copy(b.Reserve(), "+tail"); got != 5 {
		t.Fatalf("Reserve holds %d bytes, want at least 5", got)
	}
	must(t, b.Commit(5))
	checkBuf(t, b, "h:body+tail", 2, 1)
	must(t, b.Advance(3))
	checkBuf(t, b, "ody+tail", 5, 1)
	must(t, b.Truncate(3))
	checkBuf(t, b, "ody", 5, 6)
	must(t, b.Reset(7))
	checkBuf(t, b, "", 7, 7)
}

func TestBufOverflowChangesNothing(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	b := p.Lease(2, 0, 6)
	defer b.Release()
	must(t, b.Append([]byte("abcd")))
	_, errPrepend := b.Prepend(3)
	_, errPrependNegative := b.Prepend(-1)
	_, errSlice := b.Slice(1, 5)
	_, errSliceBack := b.Slice(3, 2)
	_, errSliceNegative := b.Slice(-1, 2)
	_, errSplitTo := b.SplitTo(5)
	_, errSplitOff := b.SplitOff(-1)
	for _, tt := range []struct {
		name      string
		got, want error
	}{
		{"Prepend(3)", errPrepend, bufpool.ErrNoRoom},
		{"Prepend(-1)", errPrependNegative, bufpool.ErrRange},
		{"Append", b.Append([]byte("xyz")), bufpool.ErrNoRoom},
		{"Commit(3)", b.Commit(3), bufpool.ErrNoRoom},
		{"Commit(-1)", b.Commit(-1), bufpool.ErrRange},
		{"Commit(max)", b.Commit(math.MaxInt), bufpool.ErrNoRoom},
		{"Advance(5)", b.Advance(5), bufpool.ErrRange},
		{"Advance(-1)", b.Advance(-1), bufpool.ErrRange},
		{"Truncate(5)", b.Truncate(5), bufpool.ErrRange},
		{"Truncate(min)", b.Truncate(math.MinInt), bufpool.ErrRange},
		{"Reset(9)", b.Reset(9), bufpool.ErrNoRoom},
		{"Reset(-1)", b.Reset(-1), bufpool.ErrRange},
		{"Slice(1, 5)", errSlice, bufpool.ErrRange},
		{"Slice(3, 2)", errSliceBack, bufpool.ErrRange},
		{"Slice(-1, 2)", errSliceNegative, bufpool.ErrRange},
		{"SplitTo(5)", errSplitTo, bufpool.ErrRange},
		{"SplitOff(-1)", errSplitOff, bufpool.ErrRange},
	} {
		if !errors.Is(tt.got, tt.want) {
			t.Errorf("%s = %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	checkBuf(t, b, "abcd", 2, 2)
}

func TestLeaseOfImpossibleSizes(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	for _, parts := range [][3]int{
		{-1, 10, 10}, {10, -1, 10}, {10, 10, -1},
		{math.MaxInt, math.MaxInt, 2}, {math.MaxInt, 1, 0}, {0, 1 << 28, 0}, {0, math.MinInt, 0},
		{0, 0, 0},
	} {
		b := p.Lease(parts[0], parts[1], parts[2])
		if b != (bufpool.Buf{}) {
			t.Errorf("Lease(%v) = %v, want the zero Buf", parts, b)
		}
		checkBuf(t, b, "", 0, 0)
	}
}

func TestZeroBuf(t *testing.T) {
	var b bufpool.Buf
	checkBuf(t, b, "", 0, 0)
	if b.Bytes() != nil || b.Reserve() != nil || b.Shared() {
		t.Errorf("Bytes = %v, Reserve = %v, Shared = %v", b.Bytes(), b.Reserve(), b.Shared())
	}
	_, errSlice := b.Slice(0, 0)
	_, errSplitTo := b.SplitTo(0)
	_, errSplitOff := b.SplitOff(0)
	_, errPrepend := b.Prepend(0)
	for i, err := range []error{
		b.Append(nil), b.Commit(0), b.Advance(0), b.Truncate(0), b.Reset(0), errSlice, errSplitTo, errSplitOff, errPrepend,
	} {
		if err != nil {
			t.Errorf("operation %d with nothing = %v", i, err)
		}
	}
	if err := b.Append([]byte("x")); !errors.Is(err, bufpool.ErrNoRoom) {
		t.Errorf("Append = %v, want ErrNoRoom", err)
	}
	if err := b.Reset(1); !errors.Is(err, bufpool.ErrNoRoom) {
		t.Errorf("Reset(1) = %v, want ErrNoRoom", err)
	}
	b.Share().Release()
	b.Release()
	b.Release()
}

func TestBufSharing(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	b := leaseOf(t, p, "hello, world")
	s := b.Share()
	part, err := b.Slice(7, 12)
	must(t, err)
	for _, holder := range []bufpool.Buf{b, s, part} {
		if !holder.Shared() {
			t.Error("a holder does not know that it shares")
		}
	}
	checkBuf(t, b, "hello, world", 0, 0)
	checkBuf(t, s, "hello, world", 0, 0)
	checkBuf(t, part, "world", 0, 0)
	if err := b.Append([]byte("!")); !errors.Is(err, bufpool.ErrNoRoom) {
		t.Errorf("Append to a shared Buf = %v, want ErrNoRoom", err)
	}
	must(t, s.Advance(2))
	must(t, s.Truncate(3))
	checkBuf(t, s, "llo", 0, 0)
	b.Release()
	checkBuf(t, part, "world", 0, 0)
	s.Release()
	must(t, part.Reset(4)) // the only holder: all of it again
	checkBuf(t, part, "", 4, 16+12+16-4)
	if part.Shared() {
		t.Error("Shared after the only holder was reset")
	}
	part.Release()
	checkBack(t, p)
}

// checkBack checks that nothing of p is lent, by what it makes anew.
func checkBack(t testing.TB, p *bufpool.Pool) {
	t.Helper()
	if s := p.Stats(); s.Refused != 0 {
		t.Errorf("Refused = %d, want 0", s.Refused)
	}
}

func TestBufSplitting(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	b := leaseOf(t, p, "headbodytail")
	head, err := b.SplitTo(4)
	must(t, err)
	tail, err := b.SplitOff(4)
	must(t, err)
	checkBuf(t, head, "head", 16, 0)
	checkBuf(t, b, "body", 0, 0)
	checkBuf(t, tail, "tail", 0, 16)
	// Each may write to all it has without the others seeing it.
	h, err := head.Prepend(16)
	must(t, err)
	for i := range h {
		h[i] = 'x'
	}
	must(t, tail.Append(bytes.Repeat([]byte("y"), 16)))
	copy(b.Bytes(), "BODY")
	checkBuf(t, head, strings.Repeat("x", 16)+"head", 0, 0)
	checkBuf(t, b, "BODY", 0, 0)
	checkBuf(t, tail, "tail"+strings.Repeat("y", 16), 0, 0)
	head.Release()
	b.Release()
	must(t, tail.Reset(0))
	checkBuf(t, tail, "", 0, 16+12+16)
	tail.Release()
}

func TestStaleBufPanics(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	for _, tt := range []struct {
		name string
		use  func(bufpool.Buf)
		word string
	}{
		{"Release", bufpool.Buf.Release, "released twice"},
		{"Bytes", func(b bufpool.Buf) { b.Bytes() }, "used after Release"},
		{"Len", func(b bufpool.Buf) { b.Len() }, "used after Release"},
		{"Headroom", func(b bufpool.Buf) { b.Headroom() }, "used after Release"},
		{"Tailroom", func(b bufpool.Buf) { b.Tailroom() }, "used after Release"},
		{"Reserve", func(b bufpool.Buf) { b.Reserve() }, "used after Release"},
		{"Prepend", func(b bufpool.Buf) { _, _ = b.Prepend(1) }, "used after Release"},
		{"Append", func(b bufpool.Buf) { _ = b.Append([]byte("x")) }, "used after Release"},
		{"Append nothing", func(b bufpool.Buf) { _ = b.Append(nil) }, "used after Release"},
		{"Commit", func(b bufpool.Buf) { _ = b.Commit(0) }, "used after Release"},
		{"Advance", func(b bufpool.Buf) { _ = b.Advance(0) }, "used after Release"},
		{"Truncate", func(b bufpool.Buf) { _ = b.Truncate(0) }, "used after Release"},
		{"Reset", func(b bufpool.Buf) { _ = b.Reset(0) }, "used after Release"},
		{"Share", func(b bufpool.Buf) { b.Share() }, "used after Release"},
		{"Slice", func(b bufpool.Buf) { _, _ = b.Slice(0, 0) }, "used after Release"},
		{"SplitTo", func(b bufpool.Buf) { _, _ = b.SplitTo(0) }, "used after Release"},
		{"SplitOff", func(b bufpool.Buf) { _, _ = b.SplitOff(0) }, "used after Release"},
		{"Shared", func(b bufpool.Buf) { b.Shared() }, "used after Release"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := p.Lease(1, 10, 1)
			other := b
			other.Release()
			mustPanic(t, func() { tt.use(b) }, "bufpool: Buf ", tt.word)
			// The record is lent again: a stale handle must not reach it.
			again := p.Lease(1, 10, 1)
			mustPanic(t, func() { tt.use(b) }, "bufpool: Buf ", tt.word)
			checkBuf(t, again, string(again.Bytes()), 1, 1)
			again.Release()
		})
	}
}

func TestStaleShareCannotReleaseAnother(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	b := leaseOf(t, p, "payload")
	s := b.Share()
	s.Release()
	for range 3 {
		mustPanic(t, s.Release, "released twice")
	}
	again := b.Share()
	mustPanic(t, s.Release, "released twice")
	checkBuf(t, b, "payload", 0, 0)
	checkBuf(t, again, "payload", 0, 0)
	b.Release()
	checkBuf(t, again, "payload", 0, 0)
	again.Release()
}

func TestWrap(t *testing.T) {
	released := 0
	memory := []byte("static content")
	b := bufpool.Wrap(memory[:6], func() { released++ })
	checkBuf(t, b, "static", 0, 0)
	if !b.Shared() {
		t.Error("wrapped memory is not Shared")
	}
	if err := b.Append([]byte("!")); !errors.Is(err, bufpool.ErrNoRoom) {
		t.Errorf("Append = %v, want ErrNoRoom", err)
	}
	rest, err := b.SplitOff(2)
	must(t, err)
	s := rest.Share()
	must(t, s.Reset(0))
	checkBuf(t, s, "", 0, 0)
	b.Release()
	s.Release()
	if released != 0 {
		t.Fatal("released while held")
	}
	checkBuf(t, rest, "atic", 0, 0)
	must(t, rest.Reset(0)) // the only holder, but of memory that is not ours
	checkBuf(t, rest, "", 0, 0)
	rest.Release()
	if released != 1 {
		t.Errorf("released %d times, want once", released)
	}
	if string(memory) != "static content" {
		t.Errorf("wrapped memory was written to: %q", memory)
	}
	bufpool.Wrap(nil, nil).Release()
}

func TestWrapReleaseMayLease(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	b := bufpool.Wrap([]byte("x"), func() {
		p.Lease(0, 10, 0).Release()
		bufpool.Wrap([]byte("y"), nil).Release()
	})
	b.Release()
}

func TestLeaseBeyondClassesAndLimit(t *testing.T) {
	p := mustNew(t, bufpool.Config{Limit: 1 << 16, Floor: -1})
	big := p.Lease(5, bufpool.MaxSize, 5)
	if big.Len() != bufpool.MaxSize {
		t.Fatalf("Len = %d", big.Len())
	}
	big.Release()
	first := p.Lease(0, 40_000, 0)
	second := p.Lease(0, 40_000, 0)
	second.Release()
	first.Release()
	s := p.Stats()
	if s.Large != 1 || s.OverLimit != 1 || s.Dropped != 2 || s.Refused != 0 || s.Owned > 1<<16 {
		t.Errorf("Large %d OverLimit %d Dropped %d Refused %d Owned %d", s.Large, s.OverLimit, s.Dropped, s.Refused, s.Owned)
	}
	none := bufpool.None().Lease(1, 2, 3)
	checkBuf(t, none, string(none.Bytes()), 1, 3)
	none.Release()
}

func TestLeaseAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("under -race sync.Pool drops one Put in four")
	}
	if debugEnabled {
		t.Skip("the debug build records stacks")
	}
	p := mustNew(t, bufpool.Config{})
	static := []byte("static")
	for _, tt := range []struct {
		name string
		f    func()
	}{
		{"Lease", func() { p.Lease(32, 1350, 16).Release() }},
		{"Share", func() {
			b := p.Lease(0, 1350, 0)
			s := b.Share()
			b.Release()
			s.Release()
		}},
		{"Wrap", func() { bufpool.Wrap(static, nil).Release() }},
	} {
		tt.f()
		if got := testing.AllocsPerRun(500, tt.f); got != 0 {
			t.Errorf("%s allocates %v times, want 0", tt.name, got)
		}
	}
}

func TestLeaseExactStatsAndClear(t *testing.T) {
	p := mustNew(t, bufpool.Config{ExactStats: true, ClearOnPut: true})
	for range 5 {
		b := p.Lease(0, 1000, 0)
		window := b.Bytes()
		copy(window, "secret")
		b.Release()
		if !bytes.Equal(window, make([]byte, 1000)) {
			t.Fatal("a secret is still there after Release")
		}
	}
	if s := p.Stats(); s.Gets != 5 || s.Puts != 5 {
		t.Errorf("Gets = %d, Puts = %d, want 5 and 5", s.Gets, s.Puts)
	}
}

// Many holders of one memory come and go on many goroutines; the last one
// releases the memory, whichever it is.
func TestHoldersOnManyGoroutines(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	for range 50 {
		released := make(chan struct{})
		payload := []byte("the same bytes for everybody")
		root := bufpool.Wrap(payload, func() { close(released) })
		lease := leaseOf(t, p, string(payload))
		var wg sync.WaitGroup
		for range 8 {
			a, b := root.Share(), lease.Share()
			wg.Go(func() {
				for range 20 {
					part, err := b.Slice(4, 8)
					if err != nil || string(part.Bytes()) != "same" {
						t.Errorf("Slice = %q, %v", part.Bytes(), err)
					}
					next := b.Share()
					part.Release()
					b.Release()
					b = next
				}
				a.Release()
				b.Release()
			})
		}
		root.Release()
		lease.Release()
		wg.Wait()
		<-released
	}
}
