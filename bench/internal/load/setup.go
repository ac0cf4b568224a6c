package load

import (
	"context"
	"time"
)

// SetUp asks how long a fresh connection takes until its first 64 bytes have
// come back, one after the other, until Window is over or Count are done.
type SetUp struct {
	Route
	Limit  time.Duration
	Window time.Duration
	Count  int
}

// SetUp measures. It makes at least one connection.
func (s *service) SetUp(a SetUp, r *Latency) error {
	ctx, cancel := context.WithTimeout(context.Background(), a.Limit)
	defer cancel()
	h, e := newHistogram(), newEcho()
	begin := time.Now()
	for n := 0; n == 0 || n < a.Count && time.Since(begin) < a.Window; n++ {
		start := time.Now()
		conn, err := dial(ctx, a.Route)
		if err != nil {
			return hung(err, a.Limit)
		}
		err = e.roundTrip(conn, uint64(n))
		took := time.Since(start)
		conn.Close()
		if err != nil {
			return hung(err, a.Limit)
		}
		h.record(took)
	}
	*r = h.latency()
	return nil
}
