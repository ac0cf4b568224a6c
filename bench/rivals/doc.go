// Package rivals measures headrace beside the libraries that do the same.
//
// It is a module of its own, outside the workspace, so that what they require
// never changes what headrace is built with, and code under the GPL is linked
// into these tests alone. Run it from the root, one room at a time:
//
//	GOWORK=off go -C bench/rivals test -run '^$' -bench Buffer .
//
// Each room has a table of small adapters, one per implementation, one
// correctness test over the table, and its benchmarks. A new implementation is
// a new adapter and a line in the table. Tests do not look for leaked
// goroutines here: those would be other people's.
package rivals
