//go:build race

package httpconnect_test

const raceEnabled = true
