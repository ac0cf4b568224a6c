// Package benchrun builds the benchmarks of git revisions and runs them one at
// a time, each in a process of its own, and keeps what they print by round and
// side in the Go benchmark format.
//
// A process per run costs milliseconds and buys independence: address space
// layout, map seeds and the state of the heap are drawn again for every run, so
// that none of them can pass for a difference between two revisions.
//
// Every child ends with the context it was started under.
package benchrun
