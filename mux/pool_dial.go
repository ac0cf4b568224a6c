package mux

import (
	"context"
	"math/rand/v2"
	"time"
)

// A DialError reports that a Pool has no session and could not dial one.
type DialError struct {
	Err error
	// Until is when the Pool dials again, if it does not do so at once.
	Until time.Time
}

// Error says what Dial said.
func (e *DialError) Error() string { return "mux: dial session: " + e.Err.Error() }

// Unwrap returns Err.
func (e *DialError) Unwrap() error { return e.Err }

// A dial is one attempt to get a session, for all who wait for one.
type dial struct {
	done   chan struct{} // closed when it is over
	err    error         // a *DialError; written before done is closed
	cancel context.CancelFunc
}

// firstBackoff is the pause after the first dial that fails.
const firstBackoff = 100 * time.Millisecond

// dialLocked returns the dial that is under way, or begins one. It fails with
// the reason of the last dial if it is too early for another.
func (p *Pool) dialLocked(now time.Time) (*dial, error) {
	switch {
	case p.dialing != nil:
		return p.dialing, nil
	case p.failures > 0 && now.Before(p.notYet):
		return nil, &DialError{Err: p.refusal, Until: p.notYet}
	}
	ctx, cancel := within(p.ctx, p.cfg.DialTimeout)
	d := &dial{done: make(chan struct{}), cancel: cancel}
	p.dialing = d
	p.counters.Dials++
	p.tasks.Add(1)
	go p.dial(ctx, d)
	return d, nil
}

func (p *Pool) dial(ctx context.Context, d *dial) {
	defer p.tasks.Done()
	s, err := p.cfg.Dial(ctx)
	d.cancel()
	if err == nil {
		p.admit(s)
	}
	p.mu.Lock()
	p.dialing = nil
	switch {
	case err == nil:
		p.failures = 0
	case p.closed:
		d.err = ErrClosed
	default:
		p.counters.DialErrors++
		p.failures++
		p.refusal = err
		p.notYet = time.Now().Add(p.backoff())
		d.err = &DialError{Err: err, Until: p.notYet}
	}
	p.mu.Unlock()
	close(d.done)
}

// within bounds ctx by d, unless that is negative.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d < 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

// backoff is the pause after so many failures in a row.
func (p *Pool) backoff() time.Duration {
	most := p.cfg.MaxBackoff
	if most < 0 {
		return 0
	}
	d := most
	if n := p.failures - 1; n < 20 {
		d = min(firstBackoff<<n, most)
	}
	return d/2 + time.Duration(rand.Int64N(int64(d/2)+1))
}
