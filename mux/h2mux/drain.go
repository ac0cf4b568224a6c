package h2mux

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/headrace-go/headrace/mux"
)

// drain is how far either side is with ending the session in good order.
type drain struct {
	started  bool // here, by Shutdown
	final    bool // a server has named the last stream that it looks at
	answered bool // the PING behind the first GOAWAY
	quiet    sync.Cond

	told   bool // by the peer's GOAWAY
	code   mux.Code
	reason string

	unnumbered int // streams that have no id yet
}

// Shutdown ends the session in good order; see mux.Session.
//
// A server first says that it will end, so that no stream which is already on
// its way gets lost, and a round trip later which stream is the last.
// Source: RFC 9113, section 6.8.
func (s *Session) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		<-s.done
		return nil
	}
	d := &s.drain
	if !d.started {
		d.started = true
		s.slots.Broadcast()
		if s.client {
			s.sendGoAway(0, mux.NoError, "")
		} else {
			s.sendGoAway(maxID, mux.NoError, "")
			s.ping(pingDrain)
		}
	}
	err := error(nil)
	if !s.client {
		err = s.wait(ctx, &d.quiet, func() bool { return d.answered || s.err != nil })
		if !d.final && s.err == nil {
			d.final = true
			s.sendGoAway(s.peerLast, mux.NoError, "")
		}
	}
	if err == nil {
		err = s.wait(ctx, &d.quiet, func() bool {
			return len(s.streams) == 0 && d.unnumbered == 0 || s.err != nil
		})
	}
	s.unlock()
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (s *Session) onGoAway(e event) error {
	last := binary.BigEndian.Uint32(e.payload) & maxID
	d := &s.drain
	d.told = true
	d.code = mux.Code(binary.BigEndian.Uint32(e.payload[4:]))
	text := e.payload[8:]
	d.reason = string(text[:min(len(text), maxReason)])
	s.slots.Broadcast()
	if !s.client {
		return nil // its last stream is one of ours, and we have none
	}
	for id, st := range s.streams {
		if id > last {
			st.resetBy(&mux.StreamError{Code: mux.Refused, Remote: true, Unprocessed: true})
			s.remove(st)
		}
	}
	return nil
}
