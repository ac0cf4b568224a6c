package ss

import "sync"

// saltsPerGeneration bounds what Salts remembers: two generations of 65536 salts
// take at most 6 MB (TestSaltsBound).
const saltsPerGeneration = 1 << 16

// saltPrefix is how much of a salt is kept: the whole of the shortest. Salts are
// random, so their first half tells long ones apart as well.
const saltPrefix = 16

// Salts remembers the salts of the connections that were accepted last, so that
// a recorded one that is played again can be refused. It keeps at least the
// last 65536 and at most twice as many, then forgets the oldest: a recording
// older than that passes, which SIP004 has no means to prevent.
// The zero Salts is ready. It is safe for concurrent use.
type Salts struct {
	mu       sync.Mutex
	young    map[[saltPrefix]byte]struct{}
	previous map[[saltPrefix]byte]struct{}
}

// Add remembers salt, of 16 bytes or more, and reports whether it is new. Only
// salts of authenticated streams should be added, lest a stranger could push
// out those of others.
func (s *Salts) Add(salt []byte) bool {
	id := [saltPrefix]byte(salt)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, seen := s.young[id]; seen {
		return false
	}
	if _, seen := s.previous[id]; seen {
		return false
	}
	if s.young == nil || len(s.young) == saltsPerGeneration {
		s.previous, s.young = s.young, make(map[[saltPrefix]byte]struct{})
	}
	s.young[id] = struct{}{}
	return true
}
