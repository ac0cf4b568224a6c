package connpool

import (
	"context"
	"time"
)

// joinLocked makes a waiter for b, or refuses since the key's breaker is open.
func (c *core) joinLocked(b *bucket) (*waiter, error) {
	if b.backoff.broken(&c.policy, c.now()) && b.waiters.len >= b.dialing {
		c.counts.refused++
		b.counts.refused++
		err := c.dialError(b, ErrBroken)
		c.restLocked(b)
		return nil, err
	}
	c.seq++
	w := &waiter{ready: make(chan verdict, 1), seq: c.seq}
	b.waiters.pushBack(&w.link, w)
	c.waiting++
	c.counts.misses++
	b.counts.misses++
	c.demandLocked(b, w)
	return w, nil
}

// wait returns what w is given, or why it was not.
func (c *core) wait(ctx context.Context, b *bucket, w *waiter) (*Conn, error) {
	began := c.now()
	var v verdict
	gaveUp := false
	select {
	case v = <-w.ready:
	case <-ctx.Done():
		gaveUp = true
	}
	c.mu.Lock()
	waited := c.now() - began
	c.counts.waited += waited
	b.counts.waited += waited
	if gaveUp {
		if w.link.next != nil {
			c.leaveLocked(b, w)
			c.unlock()
			return nil, ctx.Err()
		}
		v = <-w.ready // it came in the same moment, and is not to be lost
	}
	c.unlock()
	if v.err != nil {
		return nil, v.err
	}
	return newConn(v.m), nil
}

// leaveLocked takes out a waiter that gives up. Its dial, if it has one, goes
// on.
func (c *core) leaveLocked(b *bucket, w *waiter) {
	b.waiters.remove(&w.link)
	c.waiting--
	if b.starving && b.waiters.len <= b.dialing {
		c.sateLocked(b)
	}
	c.restLocked(b)
}

// dialError is a DialError about the last failure of b's dials.
func (c *core) dialError(b *bucket, also error) *DialError {
	err := b.backoff.err
	if also != nil {
		err = brokenError{also, err}
	}
	return &DialError{Key: b.key, Retry: c.epoch.Add(b.backoff.retry), Err: err}
}

// A brokenError is ErrBroken and the error of the last dial.
type brokenError struct{ err, last error }

func (e brokenError) Error() string   { return e.err.Error() + "; the last one: " + e.last.Error() }
func (e brokenError) Unwrap() []error { return []error{e.err, e.last} }

// starveLocked puts b in line for room within maxOpen.
func (c *core) starveLocked(b *bucket) {
	if b.starving {
		return
	}
	b.starving = true
	b.hungerSeq = c.seq
	c.starving.pushBack(&b.hungerLink, b)
}

// sateLocked takes b out of that line.
func (c *core) sateLocked(b *bucket) {
	if b.starving {
		b.starving = false
		c.starving.remove(&b.hungerLink)
	}
}

// feedLocked gives room within maxOpen to those in line. A key that wants more
// goes to the end.
func (c *core) feedLocked() {
	for c.starving.len > 0 && c.roomLocked() {
		b := c.starving.front()
		c.sateLocked(b)
		c.demandLocked(b, nil)
	}
}

func (c *core) roomLocked() bool { return c.maxOpen < 0 || c.open+c.dialing < c.maxOpen }

// retryLocked has b's demand looked at again at a time or earlier.
func (c *core) retryLocked(b *bucket, at, now time.Duration) {
	if b.retry != nil {
		if at < b.retryAt {
			b.retryAt = at
			b.retry.Reset(at - now)
		}
		return
	}
	b.retryAt = at
	b.retry = time.AfterFunc(at-now, func() {
		c.mu.Lock()
		b.retryAt = never
		c.demandLocked(b, nil)
		c.unlockAndReap()
	})
}
