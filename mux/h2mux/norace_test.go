//go:build !race

package h2mux_test

const raceEnabled = false
