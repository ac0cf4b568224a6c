package connpool

import (
	"math/rand/v2"
	"time"
)

// A backoff says when a key may be dialed again after failures.
type backoff struct {
	rounds int           // failed in a row
	failed time.Duration // when the last of them did
	retry  time.Duration // no dial before
	err    error
}

// fail notes that a dial that began at began has failed now. Dials that were
// under way together are one round.
func (f *backoff) fail(p *policy, began, now time.Duration, err error) {
	f.err = err
	if f.rounds > 0 && began < f.failed {
		return
	}
	wait := p.backoffMax
	if shift := min(f.rounds, 40); p.backoffMin <= p.backoffMax>>shift {
		wait = p.backoffMin << shift
	}
	f.rounds++
	f.failed = now
	f.retry = now + wait - rand.N(wait/2+1)
}

// reset notes that all is well.
func (f *backoff) reset() { *f = backoff{} }

// probing reports whether the next dial decides alone: as long as the last
// round has failed, one is tried at a time.
func (f *backoff) probing() bool { return f.rounds > 0 }

// broken reports whether whoever would have to wait is refused instead.
func (f *backoff) broken(p *policy, now time.Duration) bool {
	return p.breakAfter > 0 && f.rounds >= p.breakAfter && now < f.retry
}
