package slab

// Stats are an Allocator's counters. Bytes are what the Go heap gave, with the
// part that lies beyond the capacity of the slices.
type Stats struct {
	Limit    int64  // bytes that may be owned; negative: no bound
	Owned    int64  // bytes made and not yet freed by the collector: lent, free and retained
	Retained int64  // bytes of these that survive collections; exact
	Misses   uint64 // Gets that found nothing free and nothing retained; exact
	// OverLimit are the misses that the limit or the budget refused. They were
	// served by plain make; exact.
	OverLimit uint64
	Large     uint64 // Gets above the largest class, served by plain make; exact
	Dropped   uint64 // Puts of what OverLimit and Large counted
	// Refused are Puts of slices that are not the allocator's, or no longer
	// begin where they began; exact. Other than zero it means a mistake.
	Refused uint64
	Gets    uint64 // Gets that a class served; only with ExactStats
	Puts    uint64 // Puts that a class took back; only with ExactStats
	Classes [NumClasses]ClassStats
}

// ClassStats are the counters of one class.
type ClassStats struct {
	Capacity  int    // of the slices of this class
	Block     int    // bytes that one of them takes from the heap
	Owned     int    // buffers made and not yet freed
	Retained  int    // buffers of these that survive collections
	Misses    uint64 // as in Stats
	OverLimit uint64
	Gets      uint64
	Puts      uint64
}

// Stats returns the counters. Each is exact by itself; together they are not
// of one instant.
func (a *Allocator) Stats() Stats {
	s := Stats{
		Limit:   a.ledger.limit,
		Owned:   a.ledger.owned.Load(),
		Large:   a.large.Load(),
		Dropped: a.dropped.Load(),
		Refused: a.refused.Load(),
	}
	for i := range NumClasses {
		c := &a.classes[i]
		acc := &a.ledger.accounts[i]
		cs := ClassStats{
			Capacity:  c.capacity,
			Block:     acc.block,
			Owned:     int(acc.owned.Load()),
			Retained:  c.reserve.size(),
			Misses:    acc.misses.Load(),
			OverLimit: c.overLimit.Load(),
			Gets:      c.gets.Load(),
			Puts:      c.puts.Load(),
		}
		s.Classes[i] = cs
		s.Retained += int64(cs.Retained) * int64(cs.Block)
		s.Misses += cs.Misses
		s.OverLimit += cs.OverLimit
		s.Gets += cs.Gets
		s.Puts += cs.Puts
	}
	return s
}
