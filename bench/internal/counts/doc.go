// Package counts counts what an operation costs in things that do not depend
// on the clock: allocations, heap objects, system calls.
//
// All counts but those of system calls are of the whole process: nothing else
// may run in it meanwhile. What disturbs a count (a timer of the runtime, a
// buffer still on its way back) only ever adds to it, so the smallest of a few
// tries is taken, and it repeats.
package counts
