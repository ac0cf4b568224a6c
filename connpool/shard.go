package connpool

import (
	"sync"
	"time"
)

// shardCount is how many Gets and Puts of different keys can go on at a time.
// All locks together cost a tenth of a microsecond.
const shardCount = 8

// Shards are the locks of a pool, each for a part of its keys. A Get that finds
// an idle connection and a Put that leaves one hold the lock of their shard, and
// change nothing but what says so. All else holds every lock, in order. So what
// is written under all of them can be read under any, and every bound is exact.
type shards [shardCount]shard

type shard struct {
	mu   sync.Mutex
	idle ring[member] // from the one put back first to the last
	// room is how many more may become idle under this lock alone. What is idle
	// and all rooms are never above maxIdle together.
	room int
	hits uint64

	_ [64]byte // the next lock is on another cache line
}

// Lock takes all locks.
func (a *shards) Lock() {
	for i := range a {
		a[i].mu.Lock()
	}
}

// Unlock releases them.
func (a *shards) Unlock() {
	for i := range a {
		a[i].mu.Unlock()
	}
}

// of returns the shard of a key with a hash.
func (a *shards) of(hash uint64) *shard { return &a[hash%shardCount] }

// oldest returns the member that has been idle longest, or nil.
func (a *shards) oldest() *member {
	var first *member
	for i := range a {
		if m := a[i].idle.front(); m != nil && (first == nil || m.idleSince < first.idleSince) {
			first = m
		}
	}
	return first
}

// idle returns how many members are idle.
func (a *shards) idle() int {
	n := 0
	for i := range a {
		n += a[i].idle.len
	}
	return n
}

// hits returns how many Gets have found an idle connection.
func (a *shards) hits() uint64 {
	n := uint64(0)
	for i := range a {
		n += a[i].hits
	}
	return n
}

// share divides the room that limit leaves.
func (a *shards) share(limit int) {
	each := (limit - a.idle()) / shardCount
	for i := range a {
		a[i].room = each
	}
}

// take lends the idle member m. The shard's lock is enough.
func (s *shard) take(m *member) {
	m.bucket.idle.remove(&m.keyLink)
	s.idle.remove(&m.ageLink)
	s.room++
	s.hits++
	m.bucket.counts.hits++
	m.state = stateLent
	m.uses++
}

// keep makes m idle. The shard's lock is enough.
func (s *shard) keep(m *member, now time.Duration) {
	m.state = stateIdle
	m.idleSince = now
	m.bucket.idle.pushBack(&m.keyLink, m)
	s.idle.pushBack(&m.ageLink, m)
}

// tryTake takes an idle member of b, which may be nil, or returns nil if there
// is none or more to be done. It wants b's shard locked.
func (c *core) tryTake(b *bucket) *member {
	if b == nil || b.minIdle > 0 || c.preconnect > 0 {
		return nil
	}
	m := c.nextLocked(b)
	if m == nil || m.epoch != b.epoch {
		return nil
	}
	b.shard.take(m)
	return m
}

// tryKeep makes a lent member idle, or reports false if there is more to be
// done. It locks its shard.
func (c *core) tryKeep(m *member, now time.Duration) bool {
	b := m.bucket
	s := b.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case m.state != stateLent, c.preconnect > 0, c.spentLocked(m, now) != causeNone,
		b.waiters.len > 0, c.starving.len > 0,
		m.uses == 1 && b.warming.probing(), s.room == 0, b.idle.len >= c.maxIdlePerKey,
		c.idleTimeout != never && now+c.idleTimeout < c.janitor.at:
		return false
	}
	s.room--
	s.keep(m, now)
	return true
}
