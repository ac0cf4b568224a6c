//go:build !race

package httpconnect_test

const raceEnabled = false
