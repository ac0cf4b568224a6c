package faultconn

import "math/rand/v2"

// A cursor is how far one direction of a Conn has come in its script.
type cursor struct {
	// turn holds one token, the right to use the other fields. A channel,
	// since a goroutine that waits for a mutex keeps a synctest bubble awake.
	turn chan struct{}

	script Script
	pieces *rand.Rand // nil: every piece is MaxBytes long
	moved  int64
	next   int // index of the first fault that is not over
}

func newCursor(s Script) cursor {
	s.check()
	c := cursor{turn: make(chan struct{}, 1), script: s}
	c.turn <- struct{}{}
	if s.Seed != 0 {
		c.pieces = rand.New(rand.NewPCG(s.Seed, 0))
	}
	return c
}

// due returns the fault that strikes now.
func (c *cursor) due() (Fault, bool) {
	if c.next == len(c.script.Faults) || c.script.Faults[c.next].After > c.moved {
		return Fault{}, false
	}
	return c.script.Faults[c.next], true
}

// piece returns how many of n bytes may move at once, up to the next fault.
func (c *cursor) piece(n int) int {
	if m := c.script.MaxBytes; m > 0 {
		if c.pieces != nil {
			m = 1 + c.pieces.IntN(m)
		}
		n = min(n, m)
	}
	if c.next < len(c.script.Faults) {
		n = int(min(int64(n), c.script.Faults[c.next].After-c.moved))
	}
	return n
}
