package aead

// replayBlocks is how many words of 64 numbers a ReplayWindow has; one of them
// is being refilled.
const replayBlocks = 16

// ReplayWindowSize is how far a number may lie behind the highest one and
// still be accepted by a ReplayWindow.
const ReplayWindowSize = (replayBlocks - 1) * 64

// A ReplayWindow accepts each number at most once, and numbers that are too
// far behind not at all: with it a receiver notices datagrams that come again.
// The zero ReplayWindow has accepted none. It is not safe for concurrent use.
// Source: RFC 6479.
type ReplayWindow struct {
	last   uint64 // the highest
	blocks [replayBlocks]uint64
}

// Accept reports whether number is new, and notes it. It must be asked only
// about datagrams that have been found authentic.
func (w *ReplayWindow) Accept(number uint64) bool {
	block := number / 64
	switch current := w.last / 64; {
	case block > current:
		for i := range min(block-current, replayBlocks) {
			w.blocks[(current+1+i)%replayBlocks] = 0
		}
	case number < w.last && w.last-number > ReplayWindowSize:
		return false
	}
	w.last = max(w.last, number)
	word := &w.blocks[block%replayBlocks]
	bit := uint64(1) << (number % 64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}
