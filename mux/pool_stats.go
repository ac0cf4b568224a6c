package mux

// PoolStats tells what a Pool has and what it did.
type PoolStats struct {
	Sessions   int    // take new streams
	Draining   int    // carry on with the streams that they have
	Streams    int    // open now, on all of them
	Opened     uint64 // streams
	Retried    uint64 // streams that a second session had to be found for
	Dials      uint64
	DialErrors uint64
	Replaced   uint64 // sessions that had a successor before they were let go
	Died       uint64 // sessions that the peer or the network has ended
	Silent     uint64 // sessions that were given up because they did not answer
}

// Stats returns the counters.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	s := p.counters
	s.Sessions, s.Draining = len(p.members), len(p.draining)
	sessions := make([]Session, 0, s.Sessions+s.Draining)
	for _, m := range p.members {
		sessions = append(sessions, m.session)
	}
	for m := range p.draining {
		sessions = append(sessions, m.session)
	}
	p.mu.Unlock()
	for _, session := range sessions {
		s.Streams += session.Load().Streams
	}
	return s
}
