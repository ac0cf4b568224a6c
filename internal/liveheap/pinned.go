package liveheap

import "github.com/headrace-go/headrace/internal/slab"

// Pinned returns how many buffers of a's the collector cannot take though a has
// let go of all that came back: those that are lent, and those that somebody
// still points to after the Put, be it with an empty slice.
func Pinned(a *slab.Allocator) (n int) {
	a.Trim()
	Stats()
	for _, c := range a.Stats().Classes {
		n += c.Owned
	}
	return n
}
