package bufpool

import "github.com/headrace-go/headrace/internal/slab"

// Stats are the counters of a Pool. Bytes are what the Go heap gave, which is
// up to 63 more per buffer than the capacity of the slices.
//
// All of them are exact and cost nothing where buffers are taken and put back,
// except Gets and Puts: those need Config.ExactStats, and are 0 without it.
type Stats struct {
	Limit    int64  // bytes that may be owned; negative: no bound
	Owned    int64  // bytes made and not yet freed by the collector: lent, free and retained
	Retained int64  // bytes of these that survive collections
	Misses   uint64 // requests for a class that had nothing free and nothing retained
	// OverLimit are the misses that Limit or Reserver refused. They were
	// served with memory that is not kept.
	OverLimit uint64
	Large     uint64 // requests above MaxSize, served likewise
	Dropped   uint64 // what came back of OverLimit and Large
	// Refused counts slices put back that are not the pool's, or no longer
	// begin where they began. Other than 0 it means a mistake in the program.
	Refused uint64
	Gets    uint64 // slices and leases that a class served
	Puts    uint64 // slices and leases that a class took back
	Classes [NumClasses]ClassStats
}

// NumClasses is the number of size classes.
const NumClasses = slab.NumClasses

// ClassStats are the counters of one size class.
type ClassStats struct {
	Capacity  int // of the slices of this class
	Block     int // bytes that one of them takes from the heap
	Owned     int // buffers made and not yet freed
	Retained  int // buffers of these that survive collections
	Misses    uint64
	OverLimit uint64
	Gets      uint64
	Puts      uint64
}

// Stats returns the counters. Each is of its own instant.
func (p *Pool) Stats() Stats {
	if p.slab == nil {
		return Stats{}
	}
	s := p.slab.Stats()
	out := Stats{
		Limit:     s.Limit,
		Owned:     s.Owned,
		Retained:  s.Retained,
		Misses:    s.Misses,
		OverLimit: s.OverLimit,
		Large:     s.Large,
		Dropped:   s.Dropped,
		Refused:   s.Refused,
		Gets:      s.Gets,
		Puts:      s.Puts,
	}
	for i, c := range s.Classes {
		out.Classes[i] = ClassStats(c)
	}
	return out
}
