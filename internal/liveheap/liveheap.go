// Package liveheap measures what tests and benchmarks keep in memory.
package liveheap

import "runtime"

// rounds of collection: the first two empty every sync.Pool, and what cleanups
// let go of is collected by the last.
const rounds = 3

// Stats returns the runtime's figures after the collector and the cleanups of
// what it found have run: what they count on the heap is reachable.
func Stats() runtime.MemStats {
	for range rounds {
		ran := make(chan struct{})
		runtime.AddCleanup(new([64]byte), func(ran chan struct{}) { close(ran) }, ran)
		runtime.GC()
		<-ran
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
