//go:build race

package chachapoly

// raceEnabled: the race detector takes ten times as long, and sees no assembly.
const raceEnabled = true
