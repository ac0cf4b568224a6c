package slab_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/internal/slab"
)

func capacities() []int {
	var caps []int
	for _, c := range slab.New(slab.Config{}).Stats().Classes {
		caps = append(caps, c.Capacity)
	}
	return caps
}

func TestEverySizeGetsItsSmallestClass(t *testing.T) {
	a := slab.New(slab.Config{})
	caps := capacities()
	class := 0
	for n := 1; n <= slab.MaxSize; n++ {
		if n > caps[class] {
			class++
		}
		// Around the edges of classes and of powers of two every size, then a stride.
		near := n-caps[class] > -3 || n&(n-1) == 0 || (n-1)&(n-2) == 0 || class > 0 && n-caps[class-1] < 3
		if !near && n > 4096 && n%997 != 0 {
			continue
		}
		b := a.Get(n)
		if len(b) != n || cap(b) != caps[class] {
			t.Fatalf("Get(%d) has len %d cap %d, want len %d cap %d", n, len(b), cap(b), n, caps[class])
		}
		a.Put(b)
	}
	if s := a.Stats(); s.Refused != 0 || s.Dropped != 0 {
		t.Fatalf("Refused = %d, Dropped = %d, want 0 and 0", s.Refused, s.Dropped)
	}
}

func TestClassesWasteLittle(t *testing.T) {
	for i, block := range slab.Blocks {
		if block%64 != 0 {
			t.Errorf("block %d is no multiple of 64", block)
		}
		if got := cap(append([]byte(nil), make([]byte, block)...)); got != block {
			t.Errorf("the heap rounds %d to %d", block, got)
		}
		if i > 1 && 2*block > 3*slab.Blocks[i-1] {
			t.Errorf("step from %d to %d is wider than 1.5", slab.Blocks[i-1], block)
		}
	}
	// Records with room for headroom and tag must not fall into the next class but one.
	for _, n := range []int{16<<10 + 5 + 256, 16<<10 + 64, 64<<10 + 64, 256<<10 + 64, 1<<20 + 64} {
		a := slab.New(slab.Config{})
		if got := cap(a.Get(n)); float64(got) > 1.15*float64(n) {
			t.Errorf("Get(%d) has cap %d: wastes more than 15 %%", n, got)
		}
	}
}

func TestGetPutAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("under -race sync.Pool drops one Put in four")
	}
	a := slab.New(slab.Config{})
	for _, n := range []int{1, 64, 1350, 16<<10 + 64, 64 << 10, slab.MaxSize} {
		a.Put(a.Get(n))
		if got := testing.AllocsPerRun(500, func() { a.Put(a.Get(n)) }); got != 0 {
			t.Errorf("Get(%d) and Put allocate %v times, want 0", n, got)
		}
	}
}

func TestOddSizes(t *testing.T) {
	a := slab.New(slab.Config{})
	for _, n := range []int{0, -1, -1 << 30} {
		if b := a.Get(n); b == nil || len(b) != 0 {
			t.Errorf("Get(%d) = %v, want an empty slice", n, b)
		}
	}
	a.Put(nil)
	a.Put([]byte{})
	if s := a.Stats(); s.Refused != 0 {
		t.Errorf("Refused = %d after empty slices, want 0", s.Refused)
	}
	big := a.Get(slab.MaxSize + 1)
	if len(big) != slab.MaxSize+1 {
		t.Fatalf("Get(MaxSize+1) has len %d", len(big))
	}
	a.Put(big)
	if s := a.Stats(); s.Large != 1 || s.Dropped != 1 || s.Refused != 0 || s.Owned != 0 {
		t.Errorf("after a large Get and Put: %+v", s)
	}
}

func TestPutRefusesEveryReslice(t *testing.T) {
	for i, c := range capacities() {
		a := slab.New(slab.Config{})
		b := a.Get(c)
		refused := uint64(0)
		for off := 1; off < c; off++ {
			if c > 1<<16 && off%64 > 33 && off%61 != 0 {
				continue
			}
			a.Put(b[off:])
			refused++
		}
		s := a.Stats()
		if s.Refused+s.Dropped != refused {
			t.Fatalf("class %d: %d of %d reslices were taken in", i, refused-s.Refused-s.Dropped, refused)
		}
		runtime.KeepAlive(b)
	}
}

func TestPutRefusesForeignSlices(t *testing.T) {
	a := slab.New(slab.Config{})
	foreign := 0
	for _, n := range []int{1, 100, 512, 1350, 1500, 4096, 16 << 10, 18432, 65536, 1 << 20, 2 << 20} {
		a.Put(make([]byte, n))
		a.Put(append([]byte(nil), make([]byte, n)...))
		foreign += 2
	}
	if s := a.Stats(); s.Refused+s.Dropped != uint64(foreign) {
		t.Errorf("Refused+Dropped = %d, want %d", s.Refused+s.Dropped, foreign)
	}
	// Made to fit a class, but cut from the middle of something larger.
	b := make([]byte, 1<<16)
	off := 64 - int(uintptr(unsafe.Pointer(&b[0]))&63) + 1
	before := a.Stats().Refused
	a.Put(b[off : off+100 : off+1527])
	if got := a.Stats().Refused; got != before+1 {
		t.Errorf("Refused = %d, want %d", got, before+1)
	}
}

func TestLimitHoldsAtEverySample(t *testing.T) {
	const limit = 1 << 20
	a := slab.New(slab.Config{Limit: limit})
	var over atomic.Int64
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			var held [][]byte
			for i := range 300 {
				n := 1 + (i*7919+g*104729)%100_000
				held = append(held, a.Get(n))
				if len(held) > 4 {
					a.Put(held[0])
					held = held[1:]
				}
				if a.Stats().Owned > limit {
					over.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if over.Load() > 0 {
		t.Errorf("Owned was above the limit in %d samples", over.Load())
	}
}

func TestOverTheLimitIsServedAndDropped(t *testing.T) {
	a := slab.New(slab.Config{Limit: 40_000})
	first := a.Get(20_000) // takes 24576
	second := a.Get(20_000)
	if len(second) != 20_000 {
		t.Fatalf("Get over the limit has len %d", len(second))
	}
	a.Put(second)
	s := a.Stats()
	if s.Owned != 24576 || s.Misses != 2 || s.OverLimit != 1 || s.Dropped != 1 || s.Refused != 0 {
		t.Errorf("after one Get within and one over the limit: Owned %d Misses %d OverLimit %d Dropped %d Refused %d",
			s.Owned, s.Misses, s.OverLimit, s.Dropped, s.Refused)
	}
	a.Put(first)
	if s := a.Stats(); s.Dropped != 1 || s.Refused != 0 {
		t.Errorf("the owned buffer was not taken back: %+v", s)
	}
}

// collectUntil runs collections until done: cleanups run on their own goroutine.
func collectUntil(t *testing.T, done func() bool) {
	t.Helper()
	await.Until(t, "what is unreachable was cleaned up", func() bool {
		runtime.GC()
		return done()
	})
}

func TestFreedMemoryIsCredited(t *testing.T) {
	b := &budget{left: 1 << 20}
	a := slab.New(slab.Config{Floor: -1, Budget: b})
	for range 10 {
		a.Get(10_000) // lost: never put back
	}
	collectUntil(t, func() bool { return a.Stats().Owned == 0 })
	collectUntil(t, func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.left == 1<<20 })
	runtime.KeepAlive(a)
}

func TestBudgetIsAsked(t *testing.T) {
	b := &budget{left: 100_000}
	a := slab.New(slab.Config{Budget: b})
	var held [][]byte
	for range 10 {
		held = append(held, a.Get(30_000)) // 32768 each
	}
	s := a.Stats()
	if s.Owned != 3*32768 || s.OverLimit != 7 || b.left != 100_000-3*32768 {
		t.Errorf("Owned = %d, OverLimit = %d, left = %d", s.Owned, s.OverLimit, b.left)
	}
	runtime.KeepAlive(held)
}

type budget struct {
	mu   sync.Mutex
	left int
}

func (b *budget) TryReserve(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.left {
		return false
	}
	b.left -= n
	return true
}

func (b *budget) Release(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += n
}

func TestReserveSurvivesCollections(t *testing.T) {
	a := slab.New(slab.Config{Floor: 100_000})
	lend := func() (held [][]byte) {
		for range 8 {
			held = append(held, a.Get(30_000))
		}
		return held
	}
	for _, b := range lend() {
		a.Put(b)
	}
	const want = 3 * 32768 // what fits into the floor
	if got := a.Stats().Retained; got != want {
		t.Fatalf("Retained = %d, want %d", got, want)
	}
	collectUntil(t, func() bool { return a.Stats().Owned == want })
	misses := a.Stats().Misses
	held := lend()
	if s := a.Stats(); s.Misses != misses+5 || s.Retained != 0 {
		t.Errorf("eight Gets made %d buffers and left %d bytes retained, want 5 and 0", s.Misses-misses, s.Retained)
	}
	for _, b := range held {
		a.Put(b)
	}
	if got := a.Stats().Retained; got != want {
		t.Errorf("Retained = %d after the second round, want %d", got, want)
	}
}

// A working set that fits into the floor must not go through the reserve.
func TestReserveStaysOutOfTheFastPath(t *testing.T) {
	if raceEnabled {
		t.Skip("under -race sync.Pool drops one Put in four")
	}
	a := slab.New(slab.Config{})
	a.Put(a.Get(1000)) // made, and kept
	a.Put(a.Get(1000)) // taken from the reserve
	b := a.Get(1000)
	if s := a.Stats(); s.Retained != 0 || s.Misses != 1 {
		t.Errorf("Retained = %d, Misses = %d, want 0 and 1", s.Retained, s.Misses)
	}
	a.Put(b)
	if s := a.Stats(); s.Retained != 0 {
		t.Errorf("Put went to the reserve again")
	}
}

func TestRefillAfterCollection(t *testing.T) {
	if raceEnabled {
		t.Skip("under -race sync.Pool drops one Put in four")
	}
	a := slab.New(slab.Config{Floor: 2 * 1152})
	var held [][]byte
	for range 6 {
		held = append(held, a.Get(1000))
	}
	for _, b := range held {
		a.Put(b)
	}
	for i := range 4 { // two from the pool, whichever: then the reserve
		held[i] = a.Get(1000)
	}
	held[4], held[5] = a.Get(1000), a.Get(1000)
	if got := a.Stats().Retained; got != 0 {
		t.Fatalf("Retained = %d with everything lent, want 0", got)
	}
	for _, b := range held {
		a.Put(b)
	}
	a.Refill()
	if got := a.Stats().Retained; got != 2*1152 {
		t.Errorf("Retained = %d after refill, want %d", got, 2*1152)
	}
}

func TestCollectionStartsRefill(t *testing.T) {
	a := slab.New(slab.Config{})
	a.Put(a.Get(1000))
	a.Put(a.Get(1000)) // now the reserve is empty and nothing fills it
	collectUntil(t, func() bool {
		if a.Stats().Retained > 0 {
			return true
		}
		a.Put(a.Get(1000))
		return false
	})
}

func TestPrefillAndTrim(t *testing.T) {
	a := slab.New(slab.Config{Floor: -1, Limit: 1 << 20})
	if got := a.Prefill(16<<10, 10); got != 10 {
		t.Fatalf("Prefill = %d, want 10", got)
	}
	if got := a.Prefill(16<<10, 10); got != 0 {
		t.Errorf("second Prefill = %d, want 0", got)
	}
	if got := a.Prefill(512<<10, 10); got != 1 {
		t.Errorf("Prefill beyond the limit = %d, want 1", got)
	}
	for _, n := range []int{0, -1, slab.MaxSize + 1} {
		if got := a.Prefill(n, 1); got != 0 {
			t.Errorf("Prefill(%d, 1) = %d, want 0", n, got)
		}
	}
	before := a.Stats()
	if before.Retained != 10*18432+532480 {
		t.Errorf("Retained = %d", before.Retained)
	}
	a.Put(a.Get(16 << 10))
	if s := a.Stats(); s.Misses != before.Misses {
		t.Errorf("Get after Prefill missed")
	}
	a.Trim()
	if got := a.Stats().Retained; got != 0 {
		t.Errorf("Retained = %d after Trim, want 0", got)
	}
	collectUntil(t, func() bool { return a.Stats().Owned == 0 })
	runtime.KeepAlive(a)
}

// What Trim cannot reach must not end up in the reserve.
func TestTrimmedBuffersAreFreed(t *testing.T) {
	a := slab.New(slab.Config{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				a.Put(a.Get(1000))
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	a.Trim()
	collectUntil(t, func() bool { return a.Stats().Owned == 0 })
	a.Put(a.Get(1000))
	if got := a.Stats().Retained; got == 0 {
		t.Error("nothing is retained when a trimmed allocator is used again")
	}
}

func TestClear(t *testing.T) {
	a := slab.New(slab.Config{Clear: true})
	b := a.Get(1000)
	b = b[:cap(b)]
	for i := range b {
		b[i] = 0xff
	}
	a.Put(b[:10])
	for i, v := range b { // reading what was put back: only a test may
		if v != 0 {
			t.Fatalf("byte %d = %#x after Put, want 0", i, v)
		}
	}
	foreign := []byte("secret and public")
	a.Put(foreign[:6])
	if string(foreign) != "\x00\x00\x00\x00\x00\x00 and public" {
		t.Errorf("a refused slice is %q: want its own bytes cleared and no others", foreign)
	}
}

func TestExactStats(t *testing.T) {
	a := slab.New(slab.Config{ExactStats: true})
	for range 5 {
		a.Put(a.Get(100))
	}
	a.Get(200)
	if s := a.Stats(); s.Gets != 6 || s.Puts != 5 {
		t.Errorf("Gets = %d, Puts = %d, want 6 and 5", s.Gets, s.Puts)
	}
}

func TestDroppedAllocatorIsFreed(t *testing.T) {
	var freed atomic.Bool
	func() {
		a := slab.New(slab.Config{})
		a.Prefill(16<<10, 4)
		runtime.AddCleanup(a, func(f *atomic.Bool) { f.Store(true) }, &freed)
	}()
	collectUntil(t, freed.Load)
}

// Lent memory has one owner: writers that stamp their buffer never see another
// stamp in it.
func TestNoBufferHasTwoOwners(t *testing.T) {
	a := slab.New(slab.Config{Limit: 4 << 20})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				b := a.Get(1 + (i*31+g*17)%5000)
				for j := range b {
					b[j] = byte(g)
				}
				if i%50 == 0 {
					runtime.Gosched()
				}
				for j := range b {
					if b[j] != byte(g) {
						t.Errorf("goroutine %d found the stamp of %d", g, b[j])
						return
					}
				}
				a.Put(b)
			}
		})
	}
	wg.Wait()
}
