//go:build race

package tlsrecord_test

const raceEnabled = true
