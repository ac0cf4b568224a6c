package mux

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"time"
)

// A member is a session of a Pool. All fields but the first three belong to
// the Pool's lock.
type member struct {
	session Session
	born    time.Time
	maxAge  time.Duration // not positive: none
	drain   chan struct{} // closed to have the session shut down

	bulk    bool      // used for bulk, and busy with it since
	bulkAt  time.Time // when a stream was last opened for bulk
	worn    bool      // to be replaced
	pinging bool      // a ping is under way
	pinged  time.Time // when the last one began
	idle    time.Time // when it was first seen without streams; zero if it has some
	left    int64     // streams that it could ever open, at first

	load    Load // the last sample
	sampled time.Time
	rate    float64 // bytes a second, over the last samples
}

// admit takes a session in that was just dialed.
func (p *Pool) admit(s Session) {
	now := time.Now()
	m := &member{session: s, born: now, pinged: now, sampled: now, left: s.Load().Left, drain: make(chan struct{})}
	if age := p.cfg.MaxAge; age > 0 {
		m.maxAge = age - time.Duration(rand.Int64N(int64(age)/8+1))
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		_ = s.Close()
		return
	}
	p.members = append(slices.Clip(p.members), m)
	p.replaceLocked()
	p.scheduleLocked(now)
	p.tasks.Add(1)
	p.mu.Unlock()
	go p.watch(m)
}

// watch waits for the end of a session, or has it drain.
func (p *Pool) watch(m *member) {
	defer p.tasks.Done()
	select {
	case <-m.session.Done():
	case <-m.drain:
		_ = m.session.Shutdown(p.ctx) // it is over either way
	case <-p.ctx.Done():
	}
	_ = m.session.Close()
	err := m.session.Err()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != io.EOF && !errors.Is(err, net.ErrClosed) {
		p.counters.Died++
	}
	p.removeLocked(m)
	delete(p.draining, m)
}

// removeLocked has m take no more streams, and drain. It reports whether m took
// streams until now.
func (p *Pool) removeLocked(m *member) bool {
	i := slices.Index(p.members, m)
	if i < 0 {
		return false
	}
	p.members = slices.Concat(p.members[:i], p.members[i+1:])
	p.draining[m] = struct{}{}
	close(m.drain)
	return true
}

// replaceLocked lets worn members go, as soon as there is another one.
func (p *Pool) replaceLocked() {
	if p.wornLocked() {
		return
	}
	for _, m := range p.members {
		if m.worn && p.removeLocked(m) {
			p.counters.Replaced++
		}
	}
}

// wornLocked reports whether all members are worn.
func (p *Pool) wornLocked() bool {
	for _, m := range p.members {
		if !m.worn {
			return false
		}
	}
	return true
}

// sampleInterval is the shortest time over which a rate is worth something.
const sampleInterval = 50 * time.Millisecond

// A session that is used for bulk is free for everybody again when it has no
// streams, or carries less than bulkRate, in bytes a second, with nothing queued
// and bulkGrace after the last of them was opened.
const (
	bulkRate  = 256 << 10
	bulkGrace = time.Second
)

// observeLocked takes a new sample of m's load.
func (p *Pool) observeLocked(m *member, l Load, now time.Time) {
	if l.RTT > 0 && (p.least == 0 || l.RTT < p.least) {
		p.least = l.RTT
	}
	switch {
	case l.Streams > 0:
		m.idle = time.Time{}
	case m.idle.IsZero():
		m.idle = now
	}
	if since := now.Sub(m.sampled); since >= sampleInterval {
		rate := float64(l.Bytes-m.load.Bytes) / since.Seconds()
		m.rate = (m.rate + rate) / 2
		m.sampled, m.load = now, l
		over := l.Streams == 0 || m.rate < bulkRate && l.Queued == 0 && now.Sub(m.bulkAt) >= bulkGrace
		m.bulk = m.bulk && !over
	}
	old := m.maxAge > 0 && now.Sub(m.born) >= m.maxAge
	full := p.cfg.MaxBytes > 0 && l.Bytes >= p.cfg.MaxBytes
	if old || full || l.Left < min(leastLeft, m.left/4) {
		m.worn = true
	}
}

// leastLeft is how many streams a session must have left before it is replaced:
// enough for those that are opened while its successor is dialed.
const leastLeft = 256
