//go:build !race

package aeadtest

const raceEnabled = false
