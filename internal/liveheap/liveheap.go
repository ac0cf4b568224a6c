// Package liveheap measures what tests and benchmarks keep in memory.
package liveheap

import (
	"runtime"
	"runtime/metrics"
)

// rounds of collection: the first two empty every sync.Pool, and what cleanups
// let go of is collected by the last.
const rounds = 3

// Stats returns the runtime's figures after the collector and the cleanups of
// what it found have run: what they count on the heap is reachable.
func Stats() runtime.MemStats {
	for range rounds {
		runtime.GC()
		for !cleanedUp() {
			runtime.Gosched() // several goroutines of the runtime's are at it
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m
}

// Bytes is how much of the heap is reachable.
func Bytes() int64 {
	m := Stats()
	return int64(m.HeapAlloc)
}

// cleanedUp reports whether all cleanups have run of which a collection has found
// that they should.
func cleanedUp() bool {
	counts := [...]metrics.Sample{{Name: "/gc/cleanups/executed:cleanups"}, {Name: "/gc/cleanups/queued:cleanups"}}
	metrics.Read(counts[:])
	return counts[0].Value.Uint64() >= counts[1].Value.Uint64()
}
