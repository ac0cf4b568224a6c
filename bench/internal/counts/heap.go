package counts

import "runtime"

// A Heap is what is alive in the process.
type Heap struct {
	Objects    int64
	Bytes      int64
	Goroutines int64
}

// Live returns what is alive after collections, as soon as two of them in a
// row leave the same: work that was just handed over may still be on its way.
func Live() Heap {
	const enough = 50
	last := collect()
	for range enough {
		next := collect()
		if next == last {
			break
		}
		last = next
	}
	return last
}

// collect runs two collections, so that the first one's victims in sync.Pools
// are gone as well.
func collect() Heap {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return Heap{int64(m.HeapObjects), int64(m.HeapAlloc), int64(runtime.NumGoroutine())}
}

// Since returns by how much h exceeds before.
func (h Heap) Since(before Heap) Heap {
	return Heap{h.Objects - before.Objects, h.Bytes - before.Bytes, h.Goroutines - before.Goroutines}
}
