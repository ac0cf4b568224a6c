package mux

import (
	"math/rand/v2"
	"time"
)

// A candidate is a member as it is now.
type candidate struct {
	*member
	load  Load
	delay time.Duration // until what is written now is answered
}

// choose returns the member that a stream for use should be opened on, or the
// dial that it should wait for. waited says that it has waited for one already.
func (p *Pool) choose(use Use, waited bool) (*member, *dial, error) {
	p.mu.Lock()
	members := p.members
	p.mu.Unlock()
	loads := make([]Load, len(members))
	for i, m := range members {
		loads[i] = m.session.Load() // with no lock held: sessions are somebody else's
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	now := time.Now()
	var usable []candidate
	for i, m := range members {
		p.observeLocked(m, loads[i], now)
		if loads[i].Draining {
			p.removeLocked(m)
			continue
		}
		usable = append(usable, candidate{m, loads[i], m.delay(loads[i])})
	}
	p.replaceLocked()
	room := p.bulkRoomLocked()
	best := pick(usable, use, room)
	if best == nil {
		d, err := p.dialLocked(now)
		return nil, d, err
	}
	grows := p.growsLocked(best, use, room)
	if !grows && !best.worn {
		return best.member, nil, nil
	}
	d, err := p.dialLocked(now)
	if err == nil && grows && !waited && (best.full() || use == Bulk) {
		return nil, d, nil
	}
	return best.member, nil, nil // too early to dial is no reason to fail
}

// bulkRoomLocked reports whether one more session may be given to bulk: one is
// left to the others, if there may be more than one.
func (p *Pool) bulkRoomLocked() bool {
	bulk := 0
	for _, m := range p.members {
		if m.bulk && !m.worn {
			bulk++
		}
	}
	return bulk < max(p.cfg.MaxSessions-1, 1)
}

// delay estimates when bytes that are written now are answered.
func (m *member) delay(l Load) time.Duration {
	const slowest = 16 << 20 // bytes a second, for a session that has moved little so far
	return l.RTT + time.Duration(float64(l.Queued)/max(m.rate, slowest)*float64(time.Second))
}

// full reports whether a stream would have to wait for another one's end.
func (c *candidate) full() bool { return c.load.Limit > 0 && c.load.Streams >= c.load.Limit }

// pick draws two candidates and returns the better one: all who choose at the
// same time would choose the same if everybody took the best.
func pick(all []candidate, use Use, room bool) *candidate {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return &all[0]
	}
	// Those that are in the same condition as the best are worth drawing from.
	best := all[0].rank(use, room)
	for i := range all {
		best = min(best, all[i].rank(use, room))
	}
	alike := all[:0]
	for _, c := range all {
		if c.rank(use, room) == best {
			alike = append(alike, c)
		}
	}
	i := rand.IntN(len(alike))
	j := (i + rand.IntN(max(len(alike)-1, 1)) + 1) % len(alike)
	if alike[j].sooner(&alike[i]) {
		i = j
	}
	return &alike[i]
}

// rank is 0 for a candidate that suits the use, and more for others. room says
// that bulk may have one more session to itself.
func (c *candidate) rank(use Use, room bool) int {
	rank := 0
	if c.full() {
		rank += 8
	}
	if c.worn {
		rank += 4
	}
	switch {
	case use == Interactive && c.bulk:
		rank++
	case use == Bulk && !c.bulk && (c.load.Streams > 0 || !room):
		rank += 2
	case use == Bulk && c.bulk && c.load.Streams > 0:
		rank++ // an empty one is better, however its delay compares
	}
	return rank
}

// sooner reports whether c serves a new stream sooner than d.
func (c *candidate) sooner(d *candidate) bool {
	alike := max(time.Millisecond, min(c.load.RTT, d.load.RTT)/8) // less than that is noise
	if diff := c.delay - d.delay; diff > alike || diff < -alike {
		return diff < 0
	}
	return c.load.Streams < d.load.Streams
}

// growsLocked reports whether a session should be added, though best is there.
func (p *Pool) growsLocked(best *candidate, use Use, room bool) bool {
	fresh := 0
	for _, m := range p.members {
		if !m.worn {
			fresh++
		}
	}
	switch {
	case fresh >= p.cfg.MaxSessions:
		return false
	case best.full():
		return true
	case use == Bulk:
		return room && best.load.Streams > 0
	case best.bulk:
		return true
	case p.cfg.MaxQueued >= 0 && best.load.Queued > p.cfg.MaxQueued:
		return true
	}
	return p.cfg.MaxDelay >= 0 && p.least > 0 && best.delay-p.least > p.cfg.MaxDelay
}
