package load

import (
	"context"
	"time"
)

// RoundTrip asks how long 64 bytes take there and back, one after the other
// on one connection, over Window after Warm.
type RoundTrip struct {
	Route
	Limit        time.Duration
	Warm, Window time.Duration
}

// RoundTrip measures.
func (s *service) RoundTrip(a RoundTrip, r *Latency) error {
	ctx, cancel := context.WithTimeout(context.Background(), a.Limit)
	defer cancel()
	conn, err := dial(ctx, a.Route)
	if err != nil {
		return hung(err, a.Limit)
	}
	defer conn.Close()
	h, e := newHistogram(), newEcho()
	begin := time.Now()
	for n := uint64(0); ; n++ {
		sent := time.Now()
		if sent.Sub(begin) > a.Warm+a.Window {
			*r = h.latency()
			return nil
		}
		if err := e.roundTrip(conn, n); err != nil {
			return hung(err, a.Limit)
		}
		if sent.Sub(begin) >= a.Warm {
			h.record(time.Since(sent))
		}
	}
}
