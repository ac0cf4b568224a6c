package quicmux

import (
	"context"
	"errors"
	"math"
	"net"
	"sync/atomic"

	"github.com/quic-go/quic-go"

	"github.com/headrace-go/headrace/mux"
)

// A Session is a QUIC connection as a mux.Session. Either side may open streams.
// It is safe for concurrent use.
type Session struct {
	conn   *quic.Conn
	framed bool // streams begin with a byte, and there is a drain stream
	done   chan struct{}
	close  func() // closes what was opened for the connection alone

	streams atomic.Int64 // open now
	opened  atomic.Int64 // by this side, so far
	queued  atomic.Int64 // bytes in Writes under way
	bytes   atomic.Int64 // carried, both ways
	limit   atomic.Int64 // of streams open at once, as far as is known

	buffers Buffers
	gro     bool
	restart *restarter // nil: of somebody else's connection, or a server's

	drain drain
}

var _ mux.Session = (*Session)(nil)

// WrapConfig configures Wrap.
type WrapConfig struct {
	// Framed has streams begin with the byte that shows them to the peer, and
	// a unidirectional stream announce the end of the session: the wire of Dial
	// and Listen. Both sides must agree on it, and the connection must carry no
	// other streams.
	Framed bool
}

// Wrap returns a Session over c, which may carry other things beside its
// bidirectional streams, such as datagrams or the unidirectional streams of
// HTTP/3. Streams carry what is written and nothing else, unless cfg says
// Framed: the peer then does not see them before the first Write or CloseWrite.
//
// The Session owns c, and closes it. Streams that the peer opens are accepted by
// whoever asks first, Accept or c.AcceptStream: [Session.Adopt] makes mux streams
// of the latter's.
func Wrap(c *quic.Conn, cfg WrapConfig) *Session {
	return newSession(c, cfg.Framed, func() {})
}

// newSession returns the Session of c. When c has ended, close is called.
func newSession(c *quic.Conn, framed bool, close func()) *Session {
	s := &Session{conn: c, framed: framed, close: close, done: make(chan struct{})}
	s.limit.Store(math.MaxInt32)
	s.drain.init()
	context.AfterFunc(c.Context(), s.finish)
	if framed {
		go s.listenForDrain()
	}
	return s
}

// finish runs once, when the connection has ended.
func (s *Session) finish() {
	s.drain.begin()
	s.close()
	close(s.done)
}

// Conn returns the connection, for what is QUIC's own: AddPath, datagrams, its
// state. Its bidirectional streams are the Session's.
func (s *Session) Conn() *quic.Conn { return s.conn }

// Open returns a new stream. It waits while the peer admits no more; it sends
// nothing. The error is mux.ErrDraining, the session's, or ctx's cause.
func (s *Session) Open(ctx context.Context) (mux.Stream, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.streams.Add(1) // before the look at the drain, which waits for their end
	q, err := s.open(ctx)
	if err != nil {
		s.streamEnded()
		return nil, err
	}
	s.opened.Add(1)
	return newStream(s, q, s.framed, false), nil
}

func (s *Session) open(ctx context.Context) (*quic.Stream, error) {
	if err := s.mayOpen(); err != nil {
		return nil, err
	}
	q, err := s.conn.OpenStream()
	if errors.Is(err, quic.Err0RTTRejected) {
		// What was sent early is lost, and its streams said so. The
		// connection goes on.
		if _, err := s.conn.NextConnection(ctx); err != nil {
			return nil, s.openError(ctx, err)
		}
		q, err = s.conn.OpenStream()
	}
	if _, full := errors.AsType[*quic.StreamLimitReachedError](err); full {
		s.limit.Store(max(s.streams.Load()-1, 1))
		return s.openSync(ctx)
	}
	if err != nil {
		return nil, s.openError(ctx, err)
	}
	return q, nil
}

// openSync opens a stream when the peer admits one, unless the session drains
// before.
func (s *Session) openSync(ctx context.Context) (*quic.Stream, error) {
	ctx, cancel := s.drain.bind(ctx)
	defer cancel()
	q, err := s.conn.OpenStreamSync(ctx)
	if err != nil {
		return nil, s.openError(ctx, err)
	}
	return q, nil
}

func (s *Session) openError(ctx context.Context, err error) error {
	switch {
	case s.endedBy(err):
		return s.lost(err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

func (s *Session) mayOpen() error {
	switch {
	case s.conn.Context().Err() != nil:
		return s.lost(nil)
	case s.drain.begun():
		return mux.ErrDraining
	}
	return nil
}

// Accept waits for the next stream that the peer opens.
func (s *Session) Accept(ctx context.Context) (mux.Stream, error) {
	for {
		q, err := s.acceptQUIC(ctx)
		if err != nil {
			return nil, err
		}
		if s.drain.here.Load() {
			refuse(q)
			continue
		}
		s.streams.Add(1)
		return newStream(s, q, false, s.framed), nil
	}
}

// acceptQUIC is AcceptStream, with this package's errors. Behind Shutdown it
// only waits for the end.
func (s *Session) acceptQUIC(ctx context.Context) (*quic.Stream, error) {
	if !s.drain.here.Load() {
		q, err := s.conn.AcceptStream(ctx)
		switch {
		case err == nil:
			return q, nil
		case s.endedBy(err):
			<-s.done
			return nil, s.ended()
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	select {
	case <-s.done:
		return nil, s.ended()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Adopt makes a mux stream of one that was opened or accepted on Conn by
// somebody else. The caller gives q up, also its Close.
func (s *Session) Adopt(q *quic.Stream) *Stream {
	s.streams.Add(1)
	return newStream(s, q, false, false)
}

// Close ends the session at once, and all its streams.
func (s *Session) Close() error { return s.CloseWithError(mux.NoError, "") }

// CloseWithError ends the session at once, and tells the peer why. It refuses a
// code of more than 62 bits.
func (s *Session) CloseWithError(code mux.Code, reason string) error {
	if err := checkCode(code); err != nil {
		return err
	}
	_ = s.conn.CloseWithError(quic.ApplicationErrorCode(code), reason) // it may have ended already
	<-s.done
	return nil
}

// Done returns a channel that is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err returns why the session has ended, nil while it lives.
func (s *Session) Err() error {
	select {
	case <-s.done:
		return s.ended()
	default:
		return nil
	}
}

// Load returns how busy the session is. QUIC does not tell how many streams the
// peer admits: Limit is what was found out when it admitted no more.
func (s *Session) Load() mux.Load {
	return mux.Load{
		Streams:  int(s.streams.Load()),
		Limit:    int(s.limit.Load()),
		Left:     1<<60 - s.opened.Load(),
		Queued:   s.queued.Load(),
		Bytes:    s.bytes.Load(),
		RTT:      s.conn.ConnectionStats().SmoothedRTT,
		Draining: s.drain.begun(),
	}
}

// LocalAddr returns the local address of the connection, which may change.
func (s *Session) LocalAddr() net.Addr {
	if s.restart != nil {
		return s.restart.localAddr()
	}
	return s.conn.LocalAddr()
}

// RemoteAddr returns the peer's address of the connection.
func (s *Session) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// SendDatagram sends b as one datagram, if both sides have Config.Datagrams. It
// may be lost. One that is too long for the path is a *quic.DatagramTooLargeError.
// b is not kept. Source: RFC 9221.
func (s *Session) SendDatagram(b []byte) error {
	if err := s.conn.SendDatagram(b); err != nil {
		return s.streamError(err)
	}
	return nil
}

// ReceiveDatagram waits for a datagram. The caller owns it.
func (s *Session) ReceiveDatagram(ctx context.Context) ([]byte, error) {
	b, err := s.conn.ReceiveDatagram(ctx)
	switch {
	case err == nil:
		return b, nil
	case s.endedBy(err):
		<-s.done
		return nil, s.ended()
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, err
}
