//go:build race

package h2mux_test

// Under the race detector sync.Pool drops some of what it is given.
const raceEnabled = true
