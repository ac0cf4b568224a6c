package burst

import (
	"sync/atomic"
	"time"
)

// A Deadline is one that whoever seals must know: what is sealed counts as
// written, so nothing is to be sealed that could not be sent. The zero Deadline
// never passes. It is safe for concurrent use.
type Deadline struct{ at atomic.Int64 } // Unix time in nanoseconds; 0: none

// Set sets the deadline; the zero time is none.
func (d *Deadline) Set(t time.Time) {
	if t.IsZero() {
		d.at.Store(0)
		return
	}
	d.at.Store(max(t.UnixNano(), 1))
}

// Passed reports whether it is too late.
func (d *Deadline) Passed() bool {
	t := d.at.Load()
	return t != 0 && t <= time.Now().UnixNano()
}
