package mux

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Defaults of PoolConfig.
const (
	DefaultMaxSessions  = 4
	DefaultDialTimeout  = 10 * time.Second
	DefaultMaxBackoff   = 30 * time.Second
	DefaultMaxDelay     = 25 * time.Millisecond
	DefaultMaxQueued    = 256 << 10
	DefaultMaxAge       = time.Hour
	DefaultMaxBytes     = 64 << 30
	DefaultIdleTimeout  = 5 * time.Minute
	DefaultPingInterval = 15 * time.Second
	DefaultPingTimeout  = 10 * time.Second
)

// PoolConfig configures a Pool. Only Dial is required.
type PoolConfig struct {
	// Dial makes a session to the peer. It runs in a goroutine of the Pool
	// with no lock held, one at a time. ctx is done after DialTimeout, and when
	// the Pool is closed; the session must outlive it.
	Dial func(ctx context.Context) (Session, error)
	// DialTimeout bounds a dial. Zero means 10 seconds. Negative means no bound.
	DialTimeout time.Duration
	// MaxBackoff bounds the pause after a dial that failed, which begins with
	// 100 ms and doubles from one failure to the next; half of it is drawn at
	// random. Zero means 30 seconds. Negative means no pause.
	MaxBackoff time.Duration

	// MaxSessions bounds the sessions that take new streams; those that are
	// being replaced, and drain, are not counted. Zero means 4. Negative is
	// refused.
	MaxSessions int
	// MaxDelay is how much later than over an idle session an interactive
	// stream may be answered before the Pool grows.
	// Zero means 25 ms. Negative means that delay is no reason to grow.
	MaxDelay time.Duration
	// MaxQueued is how many bytes may wait for an interactive stream's session
	// before the Pool grows. Zero means 256 KiB. Negative: no reason to grow.
	MaxQueued int64

	// MaxAge is when a session is replaced; each draws its own, of 7/8 to all
	// of it. Zero means one hour. Negative means never.
	MaxAge time.Duration
	// MaxBytes is how much a session carries before it is replaced.
	// Zero means 64 GiB. Negative means any amount.
	MaxBytes int64
	// IdleTimeout is when a session without streams is closed, or up to a
	// quarter later.
	// Zero means 5 minutes. Negative means never.
	IdleTimeout time.Duration

	// PingInterval is how often each session is pinged that is a Pinger, to
	// measure its delay and to find out whether its peer is there.
	// Zero means 15 seconds. Negative means never.
	PingInterval time.Duration
	// PingTimeout is when a session is given up, and closed with all its
	// streams, that does not answer. Zero means 10 seconds. Negative: never.
	PingTimeout time.Duration
}

func (cfg *PoolConfig) normalize() error {
	switch {
	case cfg.Dial == nil:
		return errors.New("mux: PoolConfig without Dial")
	case cfg.MaxSessions < 0:
		return fmt.Errorf("mux: PoolConfig.MaxSessions %d is negative", cfg.MaxSessions)
	}
	orDefault(&cfg.DialTimeout, DefaultDialTimeout)
	orDefault(&cfg.MaxBackoff, DefaultMaxBackoff)
	orDefault(&cfg.MaxSessions, DefaultMaxSessions)
	orDefault(&cfg.MaxDelay, DefaultMaxDelay)
	orDefault(&cfg.MaxQueued, DefaultMaxQueued)
	orDefault(&cfg.MaxAge, DefaultMaxAge)
	orDefault(&cfg.MaxBytes, DefaultMaxBytes)
	orDefault(&cfg.IdleTimeout, DefaultIdleTimeout)
	orDefault(&cfg.PingInterval, DefaultPingInterval)
	orDefault(&cfg.PingTimeout, DefaultPingTimeout)
	return nil
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// A Pinger is a session that can measure how long its peer takes to answer.
type Pinger interface {
	// Ping returns the time of one round trip, or the error of ctx or of the
	// session.
	Ping(ctx context.Context) (time.Duration, error)
}

// A Use says what a stream will be used for.
type Use uint8

const (
	// Interactive streams have somebody who waits for each answer. They are
	// kept away from bulk as far as there are sessions.
	Interactive Use = iota
	// Bulk streams move as much as they can.
	Bulk
)

// A Pool opens streams to one peer over as many sessions as they need: it adds
// one when streams would have to wait, replaces one before it is used up, and
// forgets one that ends, of which the others notice nothing.
//
// A Pool starts nothing until it is used. Then it has a goroutine for each
// session, one during a dial and one during each ping. All of them end with
// Close. It is safe for concurrent use.
type Pool struct {
	cfg    PoolConfig
	ctx    context.Context // of dials and pings; ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup // the Pool's goroutines

	mu       sync.Mutex
	members  []*member // take new streams; replaced whole, never changed in place
	draining map[*member]struct{}
	dialing  *dial // under way, or nil
	failures int   // of dials, in a row
	notYet   time.Time
	refusal  error         // why the last dial failed
	least    time.Duration // shortest round trip that any session has had; 0: unknown
	upkeep   *time.Timer
	closed   bool
	counters PoolStats
}

// NewPool returns a Pool, which dials when the first stream is opened. It
// refuses a configuration that makes no sense.
func NewPool(cfg PoolConfig) (*Pool, error) {
	if err := cfg.normalize(); err != nil {
		return nil, err
	}
	p := &Pool{cfg: cfg, draining: map[*member]struct{}{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p, nil
}

// attempts bounds the sessions that one Open tries. Each of them has died, or
// begun to drain, after it was chosen.
const attempts = 4

// Open opens a stream on the session on which it will be served soonest: of two
// that are drawn at random, the one with the shorter delay and queue. It waits,
// as long as ctx allows, for a session to be dialed if there is none, and where
// all of them carry as many streams as they may. An Interactive stream does not
// wait for a session to be added while there is another; a Bulk stream waits
// once for one of its own, as long as the Pool may grow and one is left for the
// others.
//
// A session that turns out to have ended is skipped. Open fails with ErrClosed,
// the cause of ctx, the error of the stream's session, or a *DialError.
func (p *Pool) Open(ctx context.Context, use Use) (Stream, error) {
	return p.OpenWith(ctx, use, func(ctx context.Context, s Session) (Stream, error) { return s.Open(ctx) })
}

// OpenWith is Open by way of open, for sessions whose streams begin with more
// than Session.Open can say, such as a request. s is one that Dial has returned;
// open must not close it, and is called again, with another one, if s has ended
// or drains when open fails.
func (p *Pool) OpenWith(ctx context.Context, use Use, open func(ctx context.Context, s Session) (Stream, error)) (Stream, error) {
	waited := false
	for attempt := 1; ; {
		m, d, err := p.choose(use, waited)
		switch {
		case err != nil:
			return nil, err
		case d != nil:
			waited = true
			select {
			case <-d.done:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
			if d.err != nil && !p.usable() {
				return nil, d.err
			}
			continue
		}
		s, err := open(ctx, m.session)
		if err == nil {
			p.opened(m, use)
			return s, nil
		}
		if ctx.Err() != nil || !p.lost(m, err) || attempt == attempts {
			return nil, err
		}
		attempt++
	}
}

// usable reports whether there is a session that takes streams.
func (p *Pool) usable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.members) > 0
}

func (p *Pool) opened(m *member, use Use) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counters.Opened++
	m.idle = time.Time{}
	if use == Bulk {
		m.bulk, m.bulkAt = true, time.Now()
	}
}

// lost takes note of a session that has refused a stream with err, and reports
// whether another one may take it.
func (p *Pool) lost(m *member, err error) bool {
	ended := m.session.Err() != nil
	if !ended && !errors.Is(err, ErrDraining) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counters.Retried++
	p.removeLocked(m)
	return true
}

// Close closes all sessions at once, with their streams, and returns when the
// goroutines of the Pool have ended. A second Close fails with ErrClosed.
func (p *Pool) Close() error {
	if !p.close() {
		return ErrClosed
	}
	p.cancel()
	p.tasks.Wait()
	return nil
}

// Shutdown ends the Pool in good order: no stream is opened any more, those
// that are open go on to their end, then the sessions are closed. Those still
// open when ctx is done are cut, and Shutdown returns ctx's cause. It fails with
// ErrClosed after Close, or another Shutdown.
func (p *Pool) Shutdown(ctx context.Context) error {
	if !p.close() {
		return ErrClosed
	}
	p.mu.Lock()
	for _, m := range p.members {
		p.removeLocked(m)
	}
	if p.dialing != nil {
		p.dialing.cancel()
	}
	p.mu.Unlock()
	stop := context.AfterFunc(ctx, p.cancel)
	p.tasks.Wait()
	p.cancel()
	if !stop() {
		return context.Cause(ctx)
	}
	return nil
}

// close keeps streams and sessions from being opened. It reports whether it
// was the first to do so.
func (p *Pool) close() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.closed = true
	if p.upkeep != nil {
		p.upkeep.Stop()
	}
	return true
}
