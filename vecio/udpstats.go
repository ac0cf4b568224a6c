package vecio

import "sync/atomic"

// FlowTableStats tells what a FlowTable does.
type FlowTableStats struct {
	Flows      int   // now
	Opened     int64 // flows so far
	Expired    int64 // of these, were idle for too long
	Evicted    int64 // had to make room
	Failed     int64 // ended with an error of their socket
	OpenFailed int64 // clients that got no socket, times that they asked
	Refused    int64 // datagrams that Up or Down returned an error for
	Truncated  int64 // entries that were too long for anything
	Up, Down   FlowTableDirection
}

// FlowTableDirection counts the datagrams of one direction.
type FlowTableDirection struct {
	Datagrams, Bytes int64 // that the system took
	Dropped          int64 // datagrams that it did not take
}

type flowCounters struct {
	opened, expired, evicted, failed, openFailed atomic.Int64
	refused, truncated                           atomic.Int64
	_                                            [40]byte
	up                                           directionCounters
	_                                            [40]byte
	down                                         directionCounters
}

type directionCounters struct{ datagrams, bytes, dropped atomic.Int64 }

// did counts a batch of which the system took so many datagrams. The bytes of
// a batch that it took a part of are those of its first ones.
func (c *directionCounters) did(ms []Datagram, sent int) {
	bytes := 0
	for i := range ms[:min(sent, len(ms))] {
		bytes += len(ms[i].Data)
	}
	c.bytes.Add(int64(bytes))
	if dropped := len(ms) - sent; dropped > 0 {
		c.dropped.Add(int64(dropped))
	}
	c.datagrams.Add(int64(sent))
}

func (c *directionCounters) stats() FlowTableDirection {
	return FlowTableDirection{c.datagrams.Load(), c.bytes.Load(), c.dropped.Load()}
}

// Stats returns the counters. They are read one by one, while others move:
// first how many datagrams have moved, so that what these have caused is in it.
func (t *FlowTable) Stats() FlowTableStats {
	s := &t.stats
	up, down := s.up.stats(), s.down.stats()
	t.mu.Lock()
	flows := len(t.index.flows)
	t.mu.Unlock()
	return FlowTableStats{
		Flows:      flows,
		Opened:     s.opened.Load(),
		Expired:    s.expired.Load(),
		Evicted:    s.evicted.Load(),
		Failed:     s.failed.Load(),
		OpenFailed: s.openFailed.Load(),
		Refused:    s.refused.Load(),
		Truncated:  s.truncated.Load(),
		Up:         up,
		Down:       down,
	}
}
