//go:build !race

package vecio_test

const raceEnabled = false
