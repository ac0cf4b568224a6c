package connpool

import "time"

// Stats are the counters of a Pool, or of one of its keys. A key's are lost
// when the Pool forgets it; see Config.MaxKeys.
type Stats struct {
	Open    int // connections: idle, lent, or being closed
	Idle    int // of these
	Dialing int // dials under way
	Waiting int // Gets that wait
	Keys    int // keys that are remembered

	Hits    uint64 // Gets that took an idle connection
	Misses  uint64 // Gets that had to wait for a dial or for another's Put
	Refused uint64 // Gets that failed at once, since dials fail
	// HandedOver counts the misses that were given a connection which another
	// had put back.
	HandedOver uint64
	// WaitTime is the sum of what the misses waited, those that gave up too.
	WaitTime time.Duration

	Dials      uint64        // that have ended
	DialErrors uint64        // of these
	DialTime   time.Duration // that they took, together

	Evicted [numCauses]uint64 // by Cause
}

// EvictedFor returns how many connections were closed for a cause.
func (s *Stats) EvictedFor(c Cause) uint64 {
	if int(c) >= len(s.Evicted) {
		return 0
	}
	return s.Evicted[c]
}

// counts are what a pool and a bucket count while the pool is held.
type counts struct {
	misses, refused, handed uint64
	waited                  time.Duration
	dials, dialErrors       uint64
	dialTime                time.Duration
	evicted                 [numCauses]uint64
}

func (c *counts) fill(s *Stats) {
	s.Misses, s.Refused, s.HandedOver = c.misses, c.refused, c.handed
	s.WaitTime = c.waited
	s.Dials, s.DialErrors, s.DialTime = c.dials, c.dialErrors, c.dialTime
	s.Evicted = c.evicted
}
