// Package slab is the size-class allocator under bufpool, and what the other
// packages use when they are given no pool.
//
// It hands out byte slices of 1 byte to 1 MiB from size classes, at the price
// of a sync.Pool of pointers, and keeps two promises that sync.Pool does not:
// the bytes it owns, lent and retained together, never exceed a limit, and a
// small reserve of every class in use survives garbage collections.
//
// # Owned memory
//
// The limit is charged when a class is found empty, before memory is made, and
// credited when the collector has freed that memory. Nothing is counted on the
// way between, so the fast path pays nothing for it, and a buffer that is never
// put back is not lost to the limit either. Over the limit Get still serves,
// with a buffer that Put recognises and drops.
//
// # Recognising a slice
//
// A buffer carries no header. Put knows its class by capacity alone: class i
// has capacity 64*k - i and starts at a multiple of 64. Reslicing moves start
// and capacity by the same amount, so a slice that does not begin where its
// buffer began has either the wrong residue or the wrong alignment, and is
// refused. Two kinds of slices cannot be told from a buffer: one cut with a
// three-index expression to exactly the capacity of another class, and one made
// elsewhere with exactly the capacity of a class. Both are taken in; the second
// is not charged to the limit. A second Put of the same buffer is not seen
// either, except in the debug build.
//
// An Allocator is safe for concurrent use.
package slab
