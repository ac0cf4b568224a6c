package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Crowd asks for Conns connections that stay open, each idle after one round
// trip. They join those that are open already.
type Crowd struct {
	Route
	Limit time.Duration
	Conns int
}

// Gather opens the connections, several at a time: one by one, a thousand round
// trips of a long link would take half a minute. The answer is how many there are.
func (s *service) Gather(a Crowd, n *int) error {
	ctx, cancel := context.WithTimeout(context.Background(), a.Limit)
	defer cancel()
	conns, err := dialAll(ctx, a.Route, a.Conns)
	if err != nil {
		return hung(err, a.Limit)
	}
	s.crowd = append(s.crowd, conns...)
	err = each(len(conns), dialers, func() func(i int) error {
		e := newEcho()
		return func(i int) error {
			if err := errors.Join(e.roundTrip(conns[i], uint64(i)), conns[i].SetDeadline(time.Time{})); err != nil {
				return fmt.Errorf("idle connection %d of %d: %w", i+1, a.Conns, err)
			}
			return nil
		}
	})
	if err != nil {
		return hung(err, a.Limit)
	}
	*n = len(s.crowd)
	return nil
}

// crowdBuf is the length of the reads of a connection in a crowd, and
// crowdFrame the payload of its frames.
const (
	crowdBuf   = 32 << 10
	crowdFrame = 16 << 10
)

// Exchange asks for Bytes bytes up and then as many down on each connection
// of the crowd, on Abreast of them at the same time.
type Exchange struct {
	Limit   time.Duration
	Bytes   uint64
	Abreast int
}

// Exchange moves the bytes; all are idle when it returns. The answer is how
// many have done it.
func (s *service) Exchange(a Exchange, n *int) error {
	deadline := time.Now().Add(a.Limit)
	err := each(len(s.crowd), a.Abreast, func() func(i int) error {
		f := &flow{bytes: a.Bytes, frame: crowdFrame, buf: make([]byte, crowdBuf), seed: s.seed()}
		return func(i int) error {
			if err := f.exchange(s.crowd[i], deadline); err != nil {
				return fmt.Errorf("connection %d of %d: %w", i+1, len(s.crowd), err)
			}
			return nil
		}
	})
	*n = len(s.crowd)
	return hung(err, a.Limit)
}

func (f *flow) exchange(conn net.Conn, deadline time.Time) error {
	f.conn = conn
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if err := f.up(); err != nil {
		return err
	}
	if err := f.down(); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}

// disperse closes the crowd.
func (s *service) disperse() {
	closeAll(s.crowd)
	s.crowd = nil
}
