package quicmux

import (
	"context"
	"io"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"

	"github.com/headrace-go/headrace/mux"
)

// What a drain stream carries, in this order.
const (
	drainBegins = 0 // no more streams
	drainEnded  = 1 // mine have all ended
)

// A drain is the end of a session in good order. The side that wants it says
// that there are to be no more streams and then, when all of its streams have
// ended, so that it has read all that it wants, says that as well. When those of
// the other side have ended too, nothing is on its way any more, and that side
// closes the connection. If the first one did, it could cut off the last bytes
// that it had sent.
type drain struct {
	ctx      context.Context // done when it has begun, on either side
	begin    context.CancelFunc
	here     atomic.Bool // by this side's Shutdown
	answered atomic.Bool // this side has closed the connection since the peer was done

	mu   sync.Mutex
	idle chan struct{} // closed, and replaced, when the last stream has ended
}

func (d *drain) init() {
	d.ctx, d.begin = context.WithCancel(context.Background())
	d.idle = make(chan struct{})
}

func (d *drain) begun() bool { return d.ctx.Err() != nil }

// bind returns ctx, which ends with the beginning of the drain as well.
func (d *drain) bind(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(d.ctx, func() { cancel(mux.ErrDraining) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// streamEnded takes a stream out of the count.
func (s *Session) streamEnded() {
	if s.streams.Add(-1) > 0 {
		return
	}
	s.drain.mu.Lock()
	defer s.drain.mu.Unlock()
	close(s.drain.idle)
	s.drain.idle = make(chan struct{})
}

// awaitIdle waits until no stream is open. It reports false if ctx or the
// session ends before.
func (s *Session) awaitIdle(ctx context.Context) bool {
	for {
		s.drain.mu.Lock()
		idle := s.drain.idle
		s.drain.mu.Unlock()
		if s.streams.Load() == 0 {
			return true
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return false
		case <-s.done:
			return false
		}
	}
}

// Shutdown ends the session in good order: streams that are open go on to their
// end, those that the peer still opens are refused. Over a wrapped connection
// that is not Framed the peer learns of it by the end of the connection, which
// may cut off the last bytes that were written: there a protocol that cares has
// to acknowledge them.
func (s *Session) Shutdown(ctx context.Context) error {
	if s.drain.here.Swap(true) {
		<-s.done
		return nil
	}
	s.drain.begin()
	go s.refuseAll()
	if s.framed {
		s.announce(ctx)
	} else if s.awaitIdle(ctx) {
		return s.Close()
	}
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
	}
	_ = s.Close() // it cannot fail
	return context.Cause(ctx)
}

// announce tells the peer of the drain, and of its end. It returns when that is
// done, or cannot be done any more.
func (s *Session) announce(ctx context.Context) {
	u, err := s.conn.OpenUniStreamSync(ctx)
	if err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { u.CancelWrite(quic.StreamErrorCode(mux.Cancel)) })
	defer stop()
	if _, err := u.Write([]byte{drainBegins}); err != nil || !s.awaitIdle(ctx) {
		return
	}
	if _, err := u.Write([]byte{drainEnded}); err == nil {
		_ = u.Close()
	}
}

// refuseAll refuses the streams that the peer opens, until the session ends.
func (s *Session) refuseAll() {
	for {
		q, err := s.conn.AcceptStream(s.conn.Context())
		if err != nil {
			return
		}
		refuse(q)
	}
}

func refuse(q *quic.Stream) {
	q.CancelRead(quic.StreamErrorCode(mux.Refused))
	q.CancelWrite(quic.StreamErrorCode(mux.Refused))
}

// listenForDrain waits for the peer's drain stream.
func (s *Session) listenForDrain() {
	u, err := s.conn.AcceptUniStream(s.conn.Context())
	if err != nil {
		return
	}
	var b [1]byte
	for _, want := range []byte{drainBegins, drainEnded} {
		if _, err := io.ReadFull(u, b[:]); err != nil {
			return // it was cut, or the session has ended
		}
		if b[0] != want {
			_ = s.CloseWithError(mux.ProtocolError, "the drain stream carries something else")
			return
		}
		s.drain.begin()
	}
	if s.awaitIdle(context.Background()) {
		s.drain.answered.Store(!s.drain.here.Load())
		_ = s.Close()
	}
}
