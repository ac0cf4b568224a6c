package load

import (
	"context"
	"fmt"
	"time"
)

// Crowd asks for Conns connections that stay open, each idle after one round
// trip. They join those that are open already.
type Crowd struct {
	Route
	Limit time.Duration
	Conns int
}

// Gather opens the connections; the answer is how many are open now.
func (s *service) Gather(a Crowd, r *int) error {
	ctx, cancel := context.WithTimeout(context.Background(), a.Limit)
	defer cancel()
	conns, err := dialAll(ctx, a.Route, a.Conns)
	if err != nil {
		return hung(err, a.Limit)
	}
	s.crowd = append(s.crowd, conns...)
	e := newEcho()
	for i, conn := range conns {
		if err := e.roundTrip(conn, uint64(i)); err != nil {
			return fmt.Errorf("idle connection %d of %d: %w", i+1, a.Conns, hung(err, a.Limit))
		}
		if err := conn.SetDeadline(time.Time{}); err != nil {
			return err
		}
	}
	*r = len(s.crowd)
	return nil
}

// Disperse closes the connections that Gather opened.
func (s *service) Disperse(struct{}, *int) error {
	closeAll(s.crowd)
	s.crowd = nil
	return nil
}
