package connpool

import (
	"context"
	"fmt"
	"hash/maphash"
	"net"
	"time"
)

// A Pool keeps idle connections, by key, and dials new ones. It is safe for
// concurrent use.
//
// It has one goroutine for each dial under way, one that watches for peers that
// hang up, once a connection is a socket and as far as the system can do that
// (Linux), and one that closes connections while there are any to be closed by
// it. Close ends them all.
type Pool[K comparable] struct {
	core    core
	buckets map[K]*bucket // written while the pool is held, and so read in any shard
	seed    maphash.Seed
}

// New returns a Pool without connections.
func New[K comparable](cfg Config[K]) (*Pool[K], error) {
	pol, err := cfg.policy()
	if err != nil {
		return nil, err
	}
	p := &Pool[K]{buckets: make(map[K]*bucket), seed: maphash.MakeSeed()}
	pol.dial = func(ctx context.Context, b *bucket) (net.Conn, error) { return cfg.Dial(ctx, b.key.(K)) }
	pol.forget = func(b *bucket) { delete(p.buckets, b.key.(K)) }
	if f := cfg.OnDial; f != nil {
		pol.onDial = func(b *bucket, c net.Conn, took time.Duration, err error) { f(b.key.(K), c, took, err) }
	}
	if f := cfg.OnEvict; f != nil {
		pol.onEvict = func(b *bucket, c net.Conn, cause Cause, err error) { f(b.key.(K), c, cause, err) }
	}
	p.core.init(pol)
	return p, nil
}

// Get lends a connection to key: an idle one that is alive, or else the first
// that becomes free or is dialed. Who came first is served first.
//
// It waits until ctx is done, whose error it then returns. A failed dial is a
// DialError; so is a refusal since the last dials have failed (ErrBroken). On a
// closed Pool it is ErrClosed.
//
// It makes one allocation, the Conn, if a connection is idle (TestAllocs), and
// one system call to look whether that is alive, if it is a socket.
func (p *Pool[K]) Get(ctx context.Context, key K) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &p.core
	s := p.shard(key)
	for {
		c.mu.enter(s)
		m := c.tryTake(p.buckets[key])
		s.leave()
		if m == nil {
			c.mu.Lock()
			if c.closed {
				c.unlock()
				return nil, ErrClosed
			}
			b := p.bucketLocked(key)
			if m = c.takeLocked(b); m == nil {
				w, err := c.joinLocked(b)
				c.unlock()
				if err != nil {
					return nil, err
				}
				return c.wait(ctx, b, w)
			}
			c.unlock()
		}
		if conn := c.lend(m); conn != nil {
			return conn, nil
		}
	}
}

// shard returns the shard of a key.
func (p *Pool[K]) shard(key K) *shard { return p.core.mu.of(maphash.Comparable(p.seed, key)) }

// bucketLocked returns the bucket of key, which it makes if there is none.
func (p *Pool[K]) bucketLocked(key K) *bucket {
	b := p.buckets[key]
	switch {
	case b == nil:
		b = &bucket{spot: &spot{}, key: key, shard: p.shard(key)}
		p.buckets[key] = b
		p.core.keys++
	case b.emptyLink.next != nil:
		p.core.empty.remove(&b.emptyLink)
	}
	return b
}

// Warm keeps at least n connections to key idle and ready, from now on until it
// is told otherwise; zero ends it. They are dialed in the background, within all
// bounds: at first together, and later, when they have been evicted or taken, one
// every 3 milliseconds, as soon as none was taken for as long or 100 milliseconds
// have passed. If the peer closes them unused, the next ones wait as after failed
// dials. It refuses an n below zero or above what may be idle.
func (p *Pool[K]) Warm(key K, n int) error {
	c := &p.core
	if n < 0 || n > c.maxIdlePerKey || n > c.maxIdle {
		return fmt.Errorf("connpool: cannot keep %d connections warm: at most %d may be idle", n, min(c.maxIdlePerKey, c.maxIdle))
	}
	c.mu.Lock()
	defer c.unlock()
	if c.closed {
		return ErrClosed
	}
	b := p.bucketLocked(key)
	b.minIdle = n
	b.reserveAt = 0
	c.demandLocked(b, nil)
	c.restLocked(b)
	return nil
}

// Drain evicts all connections to key: idle ones now, lent ones when they are
// put back, those being dialed when they come. It ends Warm. Later Gets dial
// anew.
func (p *Pool[K]) Drain(key K) {
	c := &p.core
	c.mu.Lock()
	b := p.buckets[key]
	if b == nil {
		c.unlock()
		return
	}
	b.minIdle = 0
	b.epoch++
	c.restLocked(b)
	c.unlock()
	c.drain(b.idle.front)
}

// Reset is for when the network has changed: it evicts all connections as Drain
// does, forgets that dials have failed, and dials at once for those who wait
// and what is to be warm.
func (p *Pool[K]) Reset() {
	c := &p.core
	c.mu.Lock()
	for _, b := range p.buckets {
		b.epoch++
		b.backoff.reset()
		b.warming.reset()
		b.reserveAt = 0
		c.demandLocked(b, nil)
	}
	c.unlock()
	c.drain(c.oldestLocked)
}

// Close ends the Pool: waiting Gets fail with ErrClosed, dials are cancelled,
// idle connections are closed. It then waits until the lent ones are given
// back. When ctx is done it closes those under their users, and returns ctx's
// error. It must not be called from a hook.
func (p *Pool[K]) Close(ctx context.Context) error {
	c := &p.core
	c.mu.Lock()
	c.closed = true
	if c.janitor.timer != nil {
		c.janitor.timer.Stop()
	}
	for _, b := range p.buckets {
		if b.retry != nil {
			b.retry.Stop()
		}
		for b.waiters.len > 0 {
			c.settleLocked(b, b.waiters.front(), verdict{err: ErrClosed})
		}
		c.restLocked(b)
	}
	for m := c.oldestLocked(); m != nil; m = c.oldestLocked() {
		c.evictLocked(m, CauseClosed, nil)
	}
	c.settledLocked()
	c.unlock()
	c.cancel()
	defer c.watch.close()
	select {
	case <-c.settled:
	case <-ctx.Done():
	}
	select {
	case <-c.settled: // in the same moment, or before
		c.running.Wait()
		return nil
	default:
	}
	c.mu.Lock()
	for c.members.len > 0 {
		c.evictLocked(c.members.front(), CauseClosed, ctx.Err())
	}
	c.unlock()
	return ctx.Err()
}

// Stats returns what the Pool has counted.
func (p *Pool[K]) Stats() Stats {
	c := &p.core
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Stats{Open: c.open, Idle: c.mu.idle(), Dialing: c.dialing, Waiting: c.waiting, Keys: c.keys}
	c.counts.fill(&s)
	s.Hits = c.mu.hits()
	return s
}

// KeyStats returns what the Pool has counted for key, and false if it knows
// nothing of it.
func (p *Pool[K]) KeyStats(key K) (Stats, bool) {
	c := &p.core
	c.mu.Lock()
	defer c.mu.Unlock()
	b := p.buckets[key]
	if b == nil {
		return Stats{}, false
	}
	s := Stats{Open: b.open, Idle: b.idle.len, Dialing: b.dialing, Waiting: b.waiters.len, Keys: 1}
	b.counts.fill(&s)
	s.Hits = b.hits
	return s, true
}
