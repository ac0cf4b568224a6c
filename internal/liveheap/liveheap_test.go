package liveheap_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/headrace-go/headrace/internal/liveheap"
	"github.com/headrace-go/headrace/internal/slab"
)

// TestBytes allows for what the runtime and the testing package take and give
// back meanwhile.
func TestBytes(t *testing.T) {
	const size, others = 8 << 20, 1 << 20
	before := liveheap.Bytes()
	b := make([]byte, size)
	if grown := liveheap.Bytes() - before; grown < size-others || grown > size+others {
		t.Errorf("with %d bytes more, Bytes() is %d more", size, grown)
	}
	runtime.KeepAlive(b)
	if grown := liveheap.Bytes() - before; grown > others {
		t.Errorf("without them again, Bytes() is %d more", grown)
	}
}

// TestStatsRunsCleanups: what was unreachable before is cleaned up after.
func TestStatsRunsCleanups(t *testing.T) {
	const many = 100
	var ran atomic.Int32
	for range many {
		runtime.AddCleanup(new([1024]byte), func(ran *atomic.Int32) { ran.Add(1) }, &ran)
	}
	liveheap.Stats()
	if got := ran.Load(); got != many {
		t.Errorf("%d of %d cleanups have run", got, many)
	}
}

// TestPinned: an empty slice keeps its buffer.
func TestPinned(t *testing.T) {
	a := slab.New(slab.Config{})
	const many = 10
	var kept [many][]byte
	for i := range kept {
		kept[i] = a.Get(1000)
	}
	for i, b := range kept {
		kept[i] = b[len(b):len(b):cap(b)]
		a.Put(b)
	}
	if n := liveheap.Pinned(a); n != many {
		t.Errorf("Pinned with %d empty slices = %d", many, n)
	}
	runtime.KeepAlive(&kept)
	if n := liveheap.Pinned(a); n != 0 {
		t.Errorf("Pinned without them = %d", n)
	}
}
