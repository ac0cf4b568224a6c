package connpool

import (
	"context"
	"sync"
	"time"
)

// A core is a pool without its key type. Methods whose names end in Locked
// want it held by mu; none of them calls anything of the user's, or the
// system. What they want closed they leave in doomed, for unlock.
type core struct {
	policy
	epoch time.Time

	ctx     context.Context // of the dials
	cancel  context.CancelFunc
	running sync.WaitGroup // dials and the reaper
	settled chan struct{}  // closed when the pool is and nothing is open
	watch   watch

	mu       shards
	closed   bool
	open     int // members that are idle, lent or being closed
	closing  int // of these the last
	dialing  int
	waiting  int
	keys     int
	seq      uint64           // of arrivals
	members  ring[member]     // that are open
	lives    timeline[member] // when they have to go
	ages     timeline[bucket] // not after their longest idle has become so
	starving ring[bucket]     // that wait for room within maxOpen
	empty    ring[bucket]     // that have nothing, from the first to the last
	doomed   chain
	janitor  janitor
	reaper   reaper
	counts   counts
}

// A chain is a list of evicted members.
type chain struct{ first, last *member }

func (l *chain) add(m *member) {
	if l.last == nil {
		l.first = m
	} else {
		l.last.next = m
	}
	l.last = m
}

func (c *core) init(p policy) {
	c.policy = p
	c.epoch = time.Now()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.settled = make(chan struct{})
	c.janitor.at = never
	c.mu.all = new([shardCount]shard)
	c.mu.spare = c.maxIdle
}

// now is the time since the epoch: half the price of time.Now.
func (c *core) now() time.Duration { return time.Since(c.epoch) }

// unlock ends a critical section, and closes what it has evicted.
func (c *core) unlock() {
	first := c.doomed.first
	if first == nil {
		c.mu.Unlock()
		return
	}
	c.doomed = chain{}
	c.mu.Unlock()
	c.bury(first)
}

// takeLocked takes an idle member, or returns nil.
func (c *core) takeLocked(b *bucket) *member {
	m := c.nextLocked(b)
	for m != nil && m.epoch != b.epoch { // Drain has not come to it yet
		c.evictLocked(m, CauseDrained, nil)
		m = c.nextLocked(b)
	}
	if m == nil {
		return nil
	}
	c.putOffLocked(b)
	b.shard.take(m)
	if c.preconnect > 0 {
		b.demand.take(1, c.now())
	}
	if b.minIdle > 0 || c.preconnect > 0 {
		c.demandLocked(b, nil)
	}
	return m
}

// nextLocked returns the idle member that is to be lent next, or nil.
func (c *core) nextLocked(b *bucket) *member {
	if c.fifo {
		return b.idle.front()
	}
	return b.idle.back()
}

// oldestLocked returns the member that has been idle longest, or nil. The
// keys' ages are out of date: whoever takes the longest idle of a key leaves
// them too low, and here that is set right, as far as it matters.
func (c *core) oldestLocked() *member {
	for {
		b := c.ages.first()
		if b == nil {
			return nil
		}
		switch m := b.idle.front(); {
		case m == nil:
			c.ages.remove(&b.age)
		case m.idleSince > b.age.at:
			c.ages.set(&b.age, b, m.idleSince)
		default:
			return m
		}
	}
}

// lendLocked notes that a Conn is about to have m.
func (c *core) lendLocked(m *member) {
	m.state = stateLent
	m.uses++
	if c.preconnect > 0 {
		m.bucket.demand.take(1, c.now())
	}
}

// lend looks at a member that takeLocked has taken, and returns its new Conn,
// or nil if it is dead.
func (c *core) lend(m *member) *Conn {
	cause, err := c.examine(m)
	if cause == causeNone {
		return newConn(m)
	}
	c.mu.Lock()
	m.bucket.shard.hits--
	m.bucket.hits--
	m.uses--
	c.evictLocked(m, cause, err)
	c.unlock()
	return nil
}

// put takes back a lent member, or evicts it if there is a cause.
func (c *core) put(m *member, cause Cause, err error) {
	now := c.now()
	if cause == causeNone && c.tryKeep(m, now) {
		return
	}
	c.mu.Lock()
	if m.state != stateLent { // the pool was closed by force
		c.mu.Unlock()
		return
	}
	if cause == causeNone {
		m.provedLocked()
		if c.preconnect > 0 {
			m.bucket.demand.take(-1, now)
		}
		cause = c.spentLocked(m, now)
	}
	if cause == causeNone {
		cause = c.offerLocked(m, now, true)
	}
	if cause != causeNone {
		c.evictLocked(m, cause, err)
	}
	c.unlock()
}

// provedLocked notes that m has been of use: its peer takes connections that
// are made in reserve.
func (m *member) provedLocked() {
	if m.uses == 1 {
		m.bucket.warming.reset()
	}
}

// spentLocked says why m cannot be lent again, if so.
func (c *core) spentLocked(m *member, now time.Duration) Cause {
	switch {
	case c.closed:
		return CauseClosed
	case m.doom != causeNone:
		return m.doom
	case m.epoch != m.bucket.epoch:
		return CauseDrained
	case c.maxUses > 0 && m.uses >= c.maxUses:
		return CauseUses
	case m.life.at <= now:
		return CauseLifetime
	}
	return causeNone
}

// offerLocked hands m to whoever has waited longest, or makes it idle. It
// returns a cause if there is no place for it. putBack says that m was lent.
func (c *core) offerLocked(m *member, now time.Duration, putBack bool) Cause {
	b := m.bucket
	w, hungry := b.waiters.front(), c.starving.front()
	switch {
	case w != nil && (hungry == nil || hungry == b || w.seq < hungry.hungerSeq):
		if putBack {
			c.counts.handed++
			b.counts.handed++
		}
		c.lendLocked(m)
		c.settleLocked(b, w, verdict{m: m})
		return causeNone
	case hungry != nil:
		return CauseRoom
	case c.maxIdle == 0, c.maxIdlePerKey == 0:
		return CauseFull
	}
	if b.idle.len >= c.maxIdlePerKey {
		c.evictLocked(b.idle.front(), CauseFull, nil)
	}
	if c.mu.full() {
		c.evictLocked(c.oldestLocked(), CauseFull, nil)
	}
	c.mu.grant(b.shard)
	b.shard.keep(m, now)
	if b.age.place == 0 {
		c.ages.set(&b.age, b, now)
	}
	if c.idleTimeout != never {
		c.armLocked(now + c.idleTimeout)
	}
	return causeNone
}

// settleLocked ends a wait.
func (c *core) settleLocked(b *bucket, w *waiter, v verdict) {
	b.waiters.remove(&w.link)
	c.waiting--
	if b.starving && b.waiters.len <= b.dialing {
		c.sateLocked(b)
	}
	w.ready <- v // has room for it, and gets no other
}

// evictLocked takes m out of the pool, for unlock to close.
func (c *core) evictLocked(m *member, cause Cause, err error) {
	if m.state == stateGone {
		return
	}
	c.unlinkLocked(m)
	m.cause, m.err = cause, err
	c.doomed.add(m)
	c.closing++
	b := m.bucket
	c.counts.evicted[cause]++
	b.counts.evicted[cause]++
	if m.uses == 0 && (cause == CausePeerClosed || cause == CauseSpent || cause == CauseCheck) {
		// A peer that hangs up on whoever has not asked for anything yet
		// would otherwise be dialed again at once, for ever.
		now := c.now()
		b.warming.fail(&c.policy, m.born, now, err)
	}
}

// unlinkLocked makes m nobody's.
func (c *core) unlinkLocked(m *member) {
	if m.state == stateIdle {
		m.bucket.idle.remove(&m.keyLink)
		c.mu.vacate(m.bucket.shard)
	}
	c.members.remove(&m.openLink)
	c.lives.remove(&m.life)
	m.state = stateGone
}

// hijack takes a lent member out for good. It reports false if it is gone
// already.
func (c *core) hijack(m *member) bool {
	c.mu.Lock()
	if m.state != stateLent {
		c.mu.Unlock()
		return false
	}
	m.provedLocked()
	c.unlinkLocked(m)
	stop := m.stopWatch
	m.stopWatch = nil
	c.leftLocked(m.bucket)
	c.unlock()
	if stop != nil {
		stop()
	}
	return true
}

// bury closes a chain of evicted members. A member counts as open until it is
// closed, so that no bound is broken meanwhile.
func (c *core) bury(m *member) {
	for m != nil {
		next := m.next
		m.next = nil
		m.close()
		c.mu.Lock()
		stop := m.stopWatch
		m.stopWatch = nil
		c.closing--
		c.leftLocked(m.bucket)
		c.unlock()
		if stop != nil {
			stop() // after Close, which has saved it a system call
		}
		if c.onEvict != nil {
			c.onEvict(m.bucket, m.conn, m.cause, m.err)
		}
		m = next
	}
}

// leftLocked notes that a member of b is not open any more.
func (c *core) leftLocked(b *bucket) {
	c.open--
	b.open--
	c.feedLocked()
	c.demandLocked(b, nil)
	c.restLocked(b)
	c.settledLocked()
}

// settledLocked tells Close when nothing is left.
func (c *core) settledLocked() {
	if c.closed && c.open == 0 && c.dialing == 0 {
		select {
		case <-c.settled:
		default:
			close(c.settled)
		}
	}
}

// restLocked remembers b for a while if it has nothing any more.
func (c *core) restLocked(b *bucket) {
	if !b.vacant() || b.forgotten || b.emptyLink.next != nil {
		return
	}
	b.emptySince = c.now()
	c.empty.pushBack(&b.emptyLink, b)
	if c.empty.len > c.maxKeys {
		c.forgetLocked(c.empty.front())
		return
	}
	c.armLocked(b.emptySince + rememberKeys)
}

// forgetLocked drops a bucket that is in c.empty.
func (c *core) forgetLocked(b *bucket) {
	c.empty.remove(&b.emptyLink)
	c.ages.remove(&b.age)
	b.forgotten = true
	if b.retry != nil {
		b.retry.Stop()
	}
	c.keys--
	c.forget(b)
}

// evictBatch bounds what is evicted in one critical section: whoever wants a
// connection meanwhile does not wait for ten thousand.
const evictBatch = 64

// drain evicts the members that next returns, as long as they are from before
// the last Drain or Reset: in order of age, the others come behind them.
func (c *core) drain(next func() *member) {
	for more := true; more; {
		c.mu.Lock()
		for range evictBatch {
			m := next()
			if more = m != nil && m.epoch != m.bucket.epoch; !more {
				break
			}
			c.evictLocked(m, CauseDrained, nil)
		}
		c.unlock()
	}
}
