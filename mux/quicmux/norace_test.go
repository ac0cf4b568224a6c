//go:build !race

package quicmux_test

const raceEnabled = false
