package connpool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Config says what a Pool may hold, and how it behaves. Dial is required;
// anything else may be zero. Durations and counts that make no sense are
// refused by New.
type Config[K comparable] struct {
	// Dial opens a connection. It is called on a goroutine of its own, never
	// under a lock, and must return soon after ctx is done: at DialTimeout or
	// when the Pool is closed. ctx is not that of whoever asks: a dial goes on
	// when they give up, for the next.
	Dial func(ctx context.Context, key K) (net.Conn, error)
	// DialTimeout bounds a dial. Zero means 10 seconds. Negative means never.
	DialTimeout time.Duration
	// MaxDialsPerKey bounds dials under way for one key; there are never more
	// than somebody waits for. Zero means 64. With MaxOpen, at most half of
	// that is dialed for one key, so that a peer which does not answer leaves
	// the other half to the others.
	MaxDialsPerKey int

	// MaxIdle bounds idle connections; beyond it the one that has been idle
	// longest is evicted. Zero means 1024. Negative keeps none.
	MaxIdle int
	// MaxIdlePerKey is the same for each key. Zero means 64. Negative keeps
	// none.
	MaxIdlePerKey int
	// MaxOpen bounds open connections: lent, idle, being dialed or being
	// closed. At the bound an idle connection of another key makes room, and
	// else whoever asks waits; keys then take turns. Zero means no bound.
	MaxOpen int
	// MaxOpenPerKey is the same for each key. Zero means no bound.
	MaxOpenPerKey int
	// MaxKeys bounds the keys that are remembered, for their backoff and
	// their Stats, without a connection; a key is also forgotten a minute after
	// its last one. Zero means 1024. Negative remembers none.
	MaxKeys int

	// FIFO takes the connection that has been idle longest. The default takes
	// the one that was used last: it is the likeliest to live, and the surplus
	// grows old and is evicted, where FIFO keeps all of them for ever.
	FIFO bool
	// IdleTimeout evicts a connection that has been idle this long.
	// Zero means 90 seconds. Negative means never.
	IdleTimeout time.Duration
	// Lifetime evicts a connection this long after it was dialed, when it is
	// not lent: then as soon as it is put back. Zero and negative mean never.
	Lifetime time.Duration
	// LifetimeJitter shortens each connection's Lifetime by up to this
	// fraction, drawn once, so that what was dialed together does not end
	// together. Zero means 0.1. Negative means none.
	LifetimeJitter float64
	// MaxUses evicts a connection that has been lent this often.
	// Zero means no bound.
	MaxUses int

	// CheckAfter is how long a connection must have been idle to be looked at
	// before it is lent. Zero looks each time, which costs a system call;
	// negative never looks, neither then nor when it is put back.
	CheckAfter time.Duration
	// Check, if not nil, is asked as well, about any idle connection that is to
	// be lent. An error evicts it. It runs on the goroutine of Get.
	Check func(c net.Conn) error

	// Preconnect keeps this many connections ready for each one that goes by
	// while a dial lasts, by the recent demand for the key: 2 survives bursts
	// of twice the usual demand. Zero and negative dial for who asks only.
	Preconnect float64

	// BackoffMin and BackoffMax bound how long a key is left alone after its
	// dials have failed: at first BackoffMin, twice as long after each round,
	// each time shortened by a random part of up to a half. Gets wait
	// meanwhile, until the breaker opens. Zero means 100 milliseconds and 30
	// seconds.
	BackoffMin, BackoffMax time.Duration
	// BreakAfter is how many rounds of dials must fail in a row until Gets that
	// would have to wait for the backoff fail at once instead. When it is over
	// one dial is tried. Zero means 3. Negative means never.
	BreakAfter int

	// OnDial is told of each dial that has ended, before anybody gets the
	// connection, which is nil if there is an error. It runs on the dial's
	// goroutine.
	OnDial func(key K, c net.Conn, took time.Duration, err error)
	// OnEvict is told of each connection that the Pool has closed, and of the
	// error that made it, if one did. It runs on the goroutine that closed it.
	OnEvict func(key K, c net.Conn, cause Cause, err error)
}

const never = time.Duration(1<<63 - 1)

// A policy is a Config with its defaults filled in. "never" and -1 stand for
// what has no bound.
type policy struct {
	dialTimeout            time.Duration
	maxDials               int
	maxIdle, maxIdlePerKey int
	maxOpen, maxOpenPerKey int
	maxKeys                int
	fifo                   bool
	idleTimeout, lifetime  time.Duration
	jitter                 float64
	maxUses                int
	checkAfter             time.Duration
	check                  func(net.Conn) error
	preconnect             float64
	backoffMin, backoffMax time.Duration
	breakAfter             int
	watchEnds              bool
	dial                   func(context.Context, *bucket) (net.Conn, error)
	forget                 func(*bucket) // drops it from the map, under the lock
	onDial                 func(*bucket, net.Conn, time.Duration, error)
	onEvict                func(*bucket, net.Conn, Cause, error)
}

// policy fills in the defaults, and refuses nonsense.
func (c *Config[K]) policy() (policy, error) {
	p := policy{
		dialTimeout:   duration(c.DialTimeout, 10*time.Second),
		maxDials:      count(c.MaxDialsPerKey, 64),
		maxIdle:       max(count(c.MaxIdle, 1024), 0),
		maxIdlePerKey: max(count(c.MaxIdlePerKey, 64), 0),
		maxOpen:       count(c.MaxOpen, -1),
		maxOpenPerKey: count(c.MaxOpenPerKey, -1),
		maxKeys:       max(count(c.MaxKeys, 1024), 0),
		fifo:          c.FIFO,
		idleTimeout:   duration(c.IdleTimeout, 90*time.Second),
		lifetime:      duration(c.Lifetime, never),
		jitter:        c.LifetimeJitter,
		maxUses:       count(c.MaxUses, -1),
		checkAfter:    c.CheckAfter,
		check:         c.Check,
		preconnect:    max(c.Preconnect, 0),
		backoffMin:    duration(c.BackoffMin, 100*time.Millisecond),
		backoffMax:    duration(c.BackoffMax, 30*time.Second),
		breakAfter:    count(c.BreakAfter, 3),
		watchEnds:     c.CheckAfter >= 0,
	}
	switch {
	case p.jitter == 0:
		p.jitter = 0.1
	case p.jitter < 0:
		p.jitter = 0
	}
	switch {
	case c.Dial == nil:
		return policy{}, errors.New("connpool: Config.Dial is nil")
	case c.MaxDialsPerKey < 0, c.MaxOpen < 0, c.MaxOpenPerKey < 0, c.MaxUses < 0:
		return policy{}, errors.New("connpool: MaxDialsPerKey, MaxOpen, MaxOpenPerKey and MaxUses cannot be negative")
	case !(p.jitter <= 1):
		return policy{}, fmt.Errorf("connpool: LifetimeJitter %v is not a fraction", c.LifetimeJitter)
	case !(p.preconnect <= 1000):
		return policy{}, fmt.Errorf("connpool: Preconnect %v is out of range", c.Preconnect)
	case c.BackoffMin < 0, c.BackoffMax < 0, p.backoffMin > p.backoffMax:
		return policy{}, fmt.Errorf("connpool: backoff from %v to %v makes no sense", p.backoffMin, p.backoffMax)
	}
	if p.maxOpen > 0 {
		p.maxDials = min(p.maxDials, max(1, p.maxOpen/2))
	}
	return p, nil
}

// count returns a bound: n, or what zero means.
func count(n, zero int) int {
	if n == 0 {
		return zero
	}
	return n
}

// duration returns a time to wait: d, what zero means, or never.
func duration(d, zero time.Duration) time.Duration {
	switch {
	case d == 0:
		return zero
	case d < 0:
		return never
	}
	return d
}
