//go:build !race

package chachapoly

const raceEnabled = false
