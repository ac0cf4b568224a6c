package mux

import (
	"context"
	"errors"
	"time"
)

// scheduleLocked sets the timer to when a session must be looked at next.
func (p *Pool) scheduleLocked(now time.Time) {
	if p.closed {
		return
	}
	var next time.Time
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	for _, m := range p.members {
		if m.maxAge > 0 && !m.worn {
			sooner(m.born.Add(m.maxAge))
		}
		if p.cfg.IdleTimeout > 0 {
			if m.idle.IsZero() {
				sooner(now.Add(p.cfg.IdleTimeout / 4)) // when it may be without streams
			} else {
				sooner(m.idle.Add(p.cfg.IdleTimeout))
			}
		}
		if _, ok := m.session.(Pinger); ok && p.cfg.PingInterval > 0 && !m.pinging {
			sooner(m.pinged.Add(p.cfg.PingInterval))
		}
	}
	switch {
	case next.IsZero():
	case p.upkeep == nil:
		p.upkeep = time.AfterFunc(next.Sub(now), p.look)
	default:
		p.upkeep.Reset(next.Sub(now))
	}
}

// look is the timer's function: it lets idle sessions go, has worn ones
// replaced, and pings.
func (p *Pool) look() {
	p.mu.Lock()
	members := p.members
	p.mu.Unlock()
	loads := make([]Load, len(members))
	for i, m := range members {
		loads[i] = m.session.Load()
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	now := time.Now()
	for i, m := range members {
		p.observeLocked(m, loads[i], now)
		switch {
		case loads[i].Draining,
			loads[i].Streams == 0 && m.worn,
			p.cfg.IdleTimeout > 0 && !m.idle.IsZero() && now.Sub(m.idle) >= p.cfg.IdleTimeout:
			p.removeLocked(m)
		default:
			p.pingLocked(m, now)
		}
	}
	p.replaceLocked()
	if len(p.members) > 0 && p.wornLocked() {
		_, _ = p.dialLocked(now) // too early for another: the next Open tries again
	}
	p.scheduleLocked(now)
}

// pingLocked pings m if it is time.
func (p *Pool) pingLocked(m *member, now time.Time) {
	pinger, ok := m.session.(Pinger)
	if !ok || p.cfg.PingInterval <= 0 || m.pinging || now.Sub(m.pinged) < p.cfg.PingInterval {
		return
	}
	m.pinging, m.pinged = true, now
	p.tasks.Add(1)
	go p.ping(m, pinger)
}

func (p *Pool) ping(m *member, pinger Pinger) {
	defer p.tasks.Done()
	ctx, cancel := within(p.ctx, p.cfg.PingTimeout)
	_, err := pinger.Ping(ctx)
	cancel()
	silent := errors.Is(err, context.DeadlineExceeded) && p.ctx.Err() == nil
	if silent {
		_ = m.session.CloseWithError(NoError, "no answer to ping")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	m.pinging = false
	if silent {
		p.counters.Silent++
	}
	p.scheduleLocked(time.Now())
}
