//go:build race

package aeadtest_test

const raceEnabled = true
