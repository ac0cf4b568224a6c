package connpool

import (
	"sync"
	"sync/atomic"
	"time"
)

// shardCount is how many Gets and Puts of different keys can go on at a time.
const shardCount = 64

// Shards are the locks of a pool. A Get that finds an idle connection and a Put
// that leaves one hold the latch of their key's shard, and change nothing but what
// says so. All else holds the pool: the mutex, and then it waits until nobody is
// in a shard. So what is written while the pool is held can be read in any shard,
// and every bound is exact.
type shards struct {
	mu sync.Mutex
	// held says that somebody holds the pool, or is about to. Both sides first
	// write and then look at what the other has written, so that one of them
	// sees the other: whoever has entered a shard leaves it then.
	held atomic.Bool
	// spare is what is left of maxIdle: what is idle, all rooms and spare are
	// maxIdle together.
	spare int
	all   *[shardCount]shard // which has no pointers, and so begins on a cache line
}

type shard struct {
	latch latch
	idle  int
	room  int // how many more may become idle under this latch alone
	hits  uint64
	_     [96]byte // to the end of the cache line and its neighbour
}

// Lock holds the pool.
func (a *shards) Lock() {
	a.mu.Lock()
	a.held.Store(true)
	for i := range a.all {
		a.all[i].latch.await()
	}
}

// Unlock ends that.
func (a *shards) Unlock() {
	a.held.Store(false)
	a.mu.Unlock()
}

// enter takes the latch of s while nobody holds the pool.
func (a *shards) enter(s *shard) {
	s.latch.lock()
	if !a.held.Load() {
		return
	}
	s.latch.unlock()
	a.mu.Lock() // and then nobody holds the pool
	s.latch.lock()
	a.mu.Unlock()
}

func (s *shard) leave() { s.latch.unlock() }

// of returns the shard of a key with a hash.
func (a *shards) of(hash uint64) *shard { return &a.all[hash%shardCount] }

// idle returns how many members are idle.
func (a *shards) idle() int {
	n := 0
	for i := range a.all {
		n += a.all[i].idle
	}
	return n
}

// hits returns how many Gets have found an idle connection.
func (a *shards) hits() uint64 {
	n := uint64(0)
	for i := range a.all {
		n += a.all[i].hits
	}
	return n
}

// full reports whether no more may become idle. It takes all rooms back to find
// that out.
func (a *shards) full() bool {
	if a.spare == 0 {
		for i := range a.all {
			a.spare += a.all[i].room
			a.all[i].room = 0
		}
	}
	return a.spare == 0
}

// grant gives s a part of what is spare, for one that becomes idle and for
// others after it.
func (a *shards) grant(s *shard) {
	part := min(a.spare, 1+a.spare/shardCount)
	a.spare -= part
	s.room += part
}

// vacate notes that one of s is not idle any more, and not lent either.
func (a *shards) vacate(s *shard) {
	s.idle--
	a.spare++
}

// take lends the idle member m.
func (s *shard) take(m *member) {
	b := m.bucket
	b.idle.remove(&m.keyLink)
	b.hits++
	s.idle--
	s.room++
	s.hits++
	m.state = stateLent
	m.uses++
}

// keep makes m idle. It wants room.
func (s *shard) keep(m *member, now time.Duration) {
	m.state = stateIdle
	m.idleSince = now
	m.bucket.idle.pushBack(&m.keyLink, m)
	s.idle++
	s.room--
}

// tryTake takes an idle member of b, which may be nil, or returns nil if there
// is none or more to be done. It wants b's shard entered.
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
// done. It enters its shard. As long as a key has an age, the janitor comes in
// time for it.
func (c *core) tryKeep(m *member, now time.Duration) bool {
	b := m.bucket
	s := b.shard
	c.mu.enter(s)
	switch {
	case m.state != stateLent, c.preconnect > 0, c.spentLocked(m, now) != causeNone,
		b.waiters.len > 0, c.starving.len > 0,
		m.uses == 1 && b.warming.probing(), s.room == 0, b.age.place == 0, b.idle.len >= c.maxIdlePerKey:
		s.leave()
		return false
	}
	s.keep(m, now)
	s.leave()
	return true
}
