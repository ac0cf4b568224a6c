package vecio

import "sync/atomic"

// A Meter counts the bytes of relays while they move, spliced ones included.
// One Meter may serve any number of relays, such as all those of a user.
// The zero value is ready to use, and all methods are safe for concurrent use.
type Meter struct {
	moved [2]atomic.Int64
}

// Moved returns how many bytes have been written to b and to a, in all relays
// so far.
func (m *Meter) Moved() (aToB, bToA int64) {
	return m.moved[A].Load(), m.moved[B].Load()
}

func (m *Meter) add(from End, n int64) {
	if m != nil {
		m.moved[from].Add(n)
	}
}
