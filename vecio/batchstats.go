package vecio

import "sync/atomic"

// BatchStats tells what a BatchConn does, and by which means.
type BatchStats struct {
	Reads, Writes     int64 // system calls that moved something
	ReadDatagrams     int64
	WrittenDatagrams  int64
	Truncated         int64 // entries that did not fit their Buf
	Refused           int64 // datagrams that the system did not take
	Batches, GSO, GRO bool  // means that are in use now
	// SegmentLimit is the largest datagram that leaves by GSO: less than at
	// first if the system has refused some.
	SegmentLimit int
	// Fallbacks counts how often the system refused a means that it had
	// offered, for good.
	Fallbacks int64
}

// batchCounters are written by readers and by writers, on lines of their own.
type batchCounters struct {
	reads, readDatagrams, truncated atomic.Int64
	_                               [40]byte
	writes, writtenDatagrams        atomic.Int64
	refused, fallbacks              atomic.Int64
}

// Stats returns the counters. They are read one by one, while others move.
func (c *BatchConn) Stats() BatchStats {
	s := &c.stats
	limit := 0
	if !c.portable.Load() {
		limit = c.segmentLimit()
	}
	return BatchStats{
		Reads:            s.reads.Load(),
		Writes:           s.writes.Load(),
		ReadDatagrams:    s.readDatagrams.Load(),
		WrittenDatagrams: s.writtenDatagrams.Load(),
		Truncated:        s.truncated.Load(),
		Refused:          s.refused.Load(),
		Batches:          !c.portable.Load(),
		GSO:              limit > 0,
		GRO:              !c.portable.Load() && c.receivesSegments(),
		SegmentLimit:     limit,
		Fallbacks:        s.fallbacks.Load(),
	}
}

// didRead counts one call that filled ms.
func (s *batchCounters) didRead(ms []Datagram) {
	datagrams, truncated := 0, 0
	for i := range ms {
		datagrams += ms[i].Count()
		if ms[i].Truncated {
			truncated++
		}
	}
	s.reads.Add(1)
	s.readDatagrams.Add(int64(datagrams))
	if truncated > 0 {
		s.truncated.Add(int64(truncated))
	}
}

func (s *batchCounters) didWrite(datagrams int) {
	s.writes.Add(1)
	s.writtenDatagrams.Add(int64(datagrams))
}
