package connpool

import (
	"context"
	"math/rand/v2"
	"time"
)

// roomRetry is when a reserve that has found no room within MaxOpen or MaxIdle
// is tried again: it never drives out others.
const roomRetry = time.Second

const (
	// reservePause is how long a reserve is left alone after something was
	// taken, and between one dial for it and the next: handshakes at once would
	// compete with what the connection was taken for, and with each other.
	reservePause = 3 * time.Millisecond
	// reservePatience is how long those who take one after the other can put
	// that off.
	reservePatience = 100 * time.Millisecond
)

// putOffLocked has the reserve filled up a little later, since something is
// about to be taken.
func (c *core) putOffLocked(b *bucket) {
	now := c.now()
	if b.reserveAt <= now && !c.wantsReserveLocked(b) {
		b.reserveBy = now + reservePatience
	}
	b.reserveAt = max(b.reserveAt, min(b.reserveBy, now+reservePause))
}

// demandLocked starts the dials that b needs and may have: one for each who
// waits, and those that keep its reserve. fresh is who has just begun to wait,
// if that is why it is called.
func (c *core) demandLocked(b *bucket, fresh *waiter) {
	if c.closed || b.forgotten {
		return
	}
	for {
		waited := b.waiters.len > b.dialing
		if !waited && !c.wantsReserveLocked(b) {
			return
		}
		if b.dialing >= c.maxDials || c.maxOpenPerKey > 0 && b.open+b.dialing >= c.maxOpenPerKey {
			return
		}
		if b.backoff.probing() && b.dialing > 0 {
			return
		}
		now, at := c.now(), b.backoff.retry
		if !waited {
			at = max(at, b.warming.retry, b.reserveAt)
			if !c.roomLocked() || c.mu.idle()+c.dialing-c.waiting >= c.maxIdle {
				at = max(at, now+roomRetry)
			}
		}
		if now < at {
			c.retryLocked(b, at, now)
			return
		}
		if !c.roomLocked() {
			c.starveLocked(b)
			// One for each who comes, and one at a time for the others: the end
			// of each feeds the hungry.
			if victim := c.oldestLocked(); victim != nil && (fresh != nil || c.closing == 0) {
				c.evictLocked(victim, CauseRoom, nil)
			}
			return
		}
		if !waited && b.reserveAt > 0 { // Warm and Reset are not put off
			b.reserveAt = now + reservePause
		}
		b.dialing++
		c.dialing++
		c.running.Add(1)
		go c.dialFor(b, b.epoch)
	}
}

// wantsReserveLocked reports whether b has fewer idle connections, those to
// come counted, than it should keep ready.
func (c *core) wantsReserveLocked(b *bucket) bool {
	want := b.minIdle
	if c.preconnect > 0 {
		want = max(want, b.demand.reserve(c.preconnect, c.now()))
	}
	want = min(want, c.maxIdlePerKey, c.maxIdle)
	return b.idle.len+b.dialing-b.waiters.len < want
}

// dialFor is the goroutine of a dial.
func (c *core) dialFor(b *bucket, epoch int) {
	defer c.running.Done()
	began := c.now()
	ctx, cancel := c.ctx, context.CancelFunc(func() {})
	if c.dialTimeout != never {
		ctx, cancel = context.WithTimeout(c.ctx, c.dialTimeout)
	}
	conn, err := c.dial(ctx, b)
	cancel()
	if conn == nil && err == nil {
		err = errNoConn
	}
	now := c.now()
	if c.onDial != nil {
		c.onDial(b, conn, now-began, err)
	}
	var m *member
	var stop func()
	if err == nil {
		m = &member{conn: conn, core: c, bucket: b, probe: newProbe(conn), born: now, epoch: epoch}
		m.life.at = never
		if c.lifetime != never {
			m.life.at = now + c.lifetime - time.Duration(rand.Float64()*c.jitter*float64(c.lifetime))
		}
		stop = c.watchEnd(m)
	}

	c.mu.Lock()
	b.dialing--
	c.dialing--
	c.counts.dials++
	b.counts.dials++
	c.counts.dialTime += now - began
	b.counts.dialTime += now - began
	if err != nil {
		c.dialFailedLocked(b, began, now, err)
	} else {
		m.stopWatch = stop
		c.dialedLocked(m, now)
		b.demand.dialed(now - began)
	}
	c.feedLocked()
	c.demandLocked(b, nil)
	c.restLocked(b)
	c.settledLocked()
	c.unlock()
}

// dialedLocked takes a new member into the pool.
func (c *core) dialedLocked(m *member, now time.Duration) {
	b := m.bucket
	c.open++
	b.open++
	c.members.pushBack(&m.openLink, m)
	c.livesLocked(m)
	b.backoff.reset()
	cause := c.spentLocked(m, now)
	if cause == causeNone {
		cause = c.offerLocked(m, now, false)
	}
	if cause != causeNone {
		c.evictLocked(m, cause, nil)
	}
}

// dialFailedLocked tells who has waited longest, unless the dials that are
// under way still serve everybody. If the breaker is open, those who have none
// are told as well.
func (c *core) dialFailedLocked(b *bucket, began, now time.Duration, err error) {
	c.counts.dialErrors++
	b.counts.dialErrors++
	if c.closed {
		return // and everybody has been told
	}
	b.backoff.fail(&c.policy, began, now, err)
	if b.waiters.len > b.dialing {
		c.settleLocked(b, b.waiters.front(), verdict{err: c.dialError(b, nil)})
	}
	if b.backoff.broken(&c.policy, now) {
		for b.waiters.len > b.dialing {
			c.settleLocked(b, b.waiters.front(), verdict{err: c.dialError(b, ErrBroken)})
		}
	}
}
