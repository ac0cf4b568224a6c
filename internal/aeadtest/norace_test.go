//go:build !race

package aeadtest_test

const raceEnabled = false
