package slab

// Refill does what a collection starts.
func (a *Allocator) Refill() { a.refill() }

// Blocks are the heap sizes of the classes.
var Blocks = blocks
