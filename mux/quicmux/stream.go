package quicmux

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/headrace-go/headrace/internal/slab"
	"github.com/headrace-go/headrace/mux"
)

// A Stream is a bidirectional QUIC stream as a mux.Stream.
type Stream struct {
	session *Session
	q       *quic.Stream
	early   bool // opened before the end of the handshake

	hidden  atomic.Bool // the byte that shows it to the peer was not sent yet
	showing sync.Mutex  // held to send it
	headed  atomic.Bool // that byte is yet to be skipped
	heading sync.Mutex  // held to skip it

	writing     sync.Mutex // held during a Write, and by what ends the direction
	writeClosed atomic.Bool
	readClosed  atomic.Bool // by CloseRead
	closed      atomic.Bool
	reset       atomic.Bool
	rejected    atomic.Bool                     // it was sent too early, as some call has found
	byPeer      atomic.Pointer[mux.StreamError] // the peer's reset, as a read has found it
	ended       atomic.Uint32                   // the directions that have ended
}

var (
	_ mux.Stream      = (*Stream)(nil)
	_ mux.Prioritizer = (*Stream)(nil)
)

// The directions of a stream.
const (
	sending uint32 = 1 << iota
	receiving
)

// head is the byte that framed streams begin with.
const head = 0

func newStream(s *Session, q *quic.Stream, hidden, headed bool) *Stream {
	st := &Stream{session: s, q: q}
	select {
	case <-s.conn.HandshakeComplete():
	default:
		st.early = true
	}
	st.hidden.Store(hidden)
	st.headed.Store(headed)
	return st
}

// end notes that directions have ended. A stream with neither is open no more.
func (s *Stream) end(directions uint32) {
	if old := s.ended.Or(directions); old != sending|receiving && old|directions == sending|receiving {
		s.session.streamEnded()
	}
}

// Read reads what has arrived. It waits if nothing has, and shows a stream that
// was just opened to the peer: that may be the one to speak first.
func (s *Stream) Read(p []byte) (int, error) {
	if err := s.readable(); err != nil || len(p) == 0 {
		return 0, err
	}
	n, err := s.q.Read(p)
	s.session.bytes.Add(int64(n))
	s.session.restart.moved()
	if err != nil {
		err = s.readError(err)
	}
	return n, err
}

// readable prepares the stream for a read.
func (s *Stream) readable() error {
	switch {
	case s.closed.Load():
		return mux.ErrClosed
	case s.readClosed.Load():
		return io.EOF
	}
	if s.hidden.Load() {
		s.showing.Lock()
		_ = s.showLocked() // a failure shows in what follows
		s.showing.Unlock()
	}
	if s.headed.Load() {
		return s.skipHead()
	}
	return nil
}

func (s *Stream) skipHead() error {
	s.heading.Lock()
	defer s.heading.Unlock()
	if !s.headed.Load() {
		return nil
	}
	var b [1]byte
	n, err := s.q.Read(b[:])
	switch {
	case n == 0:
		return s.readError(err)
	case b[0] != head:
		_ = s.Reset(mux.ProtocolError)
		return &mux.StreamError{Code: mux.ProtocolError}
	}
	s.headed.Store(false)
	if err != nil {
		return s.readError(err)
	}
	return nil
}

// readError translates what quic-go says of a read.
func (s *Stream) readError(err error) error {
	switch {
	case s.closed.Load():
		return mux.ErrClosed
	case s.readClosed.Load():
		return io.EOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		return err
	}
	s.end(receiving)
	if err == io.EOF {
		return err
	}
	if errors.Is(err, quic.Err0RTTRejected) {
		s.rejected.Store(true)
	}
	err = s.session.streamError(err)
	if e, ok := errors.AsType[*mux.StreamError](err); ok && e.Remote && s.session.framed && !s.gone() && s.byPeer.CompareAndSwap(nil, e) {
		// The peer's Reset is of both directions, of which QUIC tells one by
		// one. Over a connection of somebody else's it may mean the one.
		s.q.CancelWrite(quic.StreamErrorCode(e.Code))
		s.end(sending)
	}
	return err
}

// readyBuffer is how much is read at a time where the buffer is taken for it.
const readyBuffer = 64 << 10

// ReadReady waits until something has arrived, and only then takes a buffer from
// p, of 64 KiB, and reads once. The caller owns what it returns and puts it back;
// on an error there is nothing to put back. The end of the stream is io.EOF.
func (s *Stream) ReadReady(p interface {
	Get(n int) []byte
	Put(b []byte)
}) ([]byte, error) {
	if err := s.readable(); err != nil {
		return nil, err
	}
	var first [1]byte
	if _, err := s.q.Peek(first[:]); errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, s.readError(err)
	}
	// Any other error is left to Read: it ends the direction for quic-go, too.
	b := p.Get(readyBuffer)
	n, err := s.q.Read(b)
	s.session.bytes.Add(int64(n))
	if n > 0 {
		s.session.restart.moved()
		return b[:n], nil // an error that came along comes again
	}
	p.Put(b)
	return nil, s.readError(err)
}

// WriteTo writes to dst what arrives, until the end of the stream. It holds no
// buffer while it waits, and takes 64 KiB from the process-wide slab for what
// has come. A slice that dst is given is lent.
func (s *Stream) WriteTo(dst io.Writer) (total int64, err error) {
	pool := slab.Default()
	for {
		b, err := s.ReadReady(pool)
		if err != nil {
			return total, notEOF(err)
		}
		n, err := dst.Write(b)
		if err == nil && n < len(b) {
			err = io.ErrShortWrite
		}
		pool.Put(b)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

func notEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// Write returns when QUIC has taken p, of which the last part may still be on
// its way.
func (s *Stream) Write(p []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	switch {
	case s.closed.Load():
		return 0, mux.ErrClosed
	case s.writeClosed.Load():
		return 0, mux.ErrWriteClosed
	case s.byPeer.Load() != nil:
		return 0, s.byPeer.Load()
	}
	s.session.queued.Add(int64(len(p)))
	n, err := s.send(p)
	s.session.queued.Add(-int64(len(p)))
	s.session.bytes.Add(int64(n))
	switch {
	case err == nil:
		s.session.restart.moved()
		return n, nil
	case s.closed.Load():
		return n, mux.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, err
	}
	s.end(sending)
	if e := s.byPeer.Load(); e != nil {
		return n, e
	}
	return n, s.session.streamError(err)
}

// maxWithHead is how much is copied so that it leaves together with the byte in
// front of it.
const maxWithHead = 1024

// send writes p, with the byte in front of it if that was not sent yet.
func (s *Stream) send(p []byte) (int, error) {
	if s.hidden.Load() {
		s.showing.Lock()
		if s.hidden.Load() && len(p) <= maxWithHead {
			var b [1 + maxWithHead]byte
			b[0] = head
			if s.q.TryWriteAll(b[:1+copy(b[1:], p)]) == nil {
				s.hidden.Store(false)
				s.showing.Unlock()
				return len(p), nil
			}
		}
		err := s.showLocked()
		s.showing.Unlock()
		if err != nil {
			return 0, err
		}
	}
	return s.q.Write(p)
}

// showLocked sends the byte that shows the stream to the peer, once.
func (s *Stream) showLocked() error {
	if !s.hidden.Load() {
		return nil
	}
	err := s.q.TryWriteAll([]byte{head})
	if errors.Is(err, quic.ErrWouldBlock) {
		_, err = s.q.Write([]byte{head})
	}
	if err == nil {
		s.hidden.Store(false)
	}
	return err
}

// CloseWrite ends the direction to the peer, behind all that was written.
func (s *Stream) CloseWrite() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed.Load() {
		return mux.ErrClosed
	}
	if s.writeClosed.Swap(true) {
		return nil
	}
	s.end(sending)
	if s.reset.Load() || s.byPeer.Load() != nil || s.gone() {
		return nil
	}
	if err := s.q.Close(); err != nil && s.session.endedBy(err) {
		return s.session.lost(err)
	}
	return nil // the peer wants no more of it: that is no failure to end it
}

// CloseRead drops what has arrived and what will, and tells the peer to stop.
func (s *Stream) CloseRead() error {
	if s.closed.Load() {
		return mux.ErrClosed
	}
	s.readClosed.Store(true)
	if !s.gone() {
		s.q.CancelRead(quic.StreamErrorCode(mux.Cancel))
	}
	s.end(receiving)
	return nil
}

// gone reports whether the stream was sent too early, and the peer has refused
// all of that. Its number is another stream's now, which must not be told of
// this one's end.
func (s *Stream) gone() bool {
	if !s.early {
		return false
	}
	if errors.Is(context.Cause(s.q.Context()), quic.Err0RTTRejected) {
		return true
	}
	select {
	case <-s.session.conn.HandshakeComplete():
		return !s.session.conn.ConnectionState().Used0RTT
	default:
		return s.rejected.Load()
	}
}

// Close ends both directions: that to the peer behind all that was written, and
// the other one by telling a peer that still sends to stop.
func (s *Stream) Close() error {
	if s.closed.Swap(true) {
		return mux.ErrClosed
	}
	_ = s.q.SetWriteDeadline(longAgo) // a Write under way returns
	s.writing.Lock()
	if !s.writeClosed.Load() && !s.reset.Load() && s.byPeer.Load() == nil && !s.gone() {
		_ = s.q.Close() // it fails if there is nobody left to be told
	}
	s.writing.Unlock()
	if !s.gone() {
		s.q.CancelRead(quic.StreamErrorCode(mux.Cancel))
	}
	s.end(sending | receiving)
	return nil
}

var longAgo = time.Unix(1, 0)

// Reset abandons both directions. It refuses a code of more than 62 bits.
func (s *Stream) Reset(code mux.Code) error {
	if err := checkCode(code); err != nil {
		return err
	}
	if s.ended.Load() == sending|receiving || s.reset.Swap(true) {
		return nil
	}
	if !s.gone() {
		s.q.CancelWrite(quic.StreamErrorCode(code))
		s.q.CancelRead(quic.StreamErrorCode(code))
	}
	s.end(sending | receiving)
	return nil
}

// Abort is Reset(mux.Cancel).
func (s *Stream) Abort() error { return s.Reset(mux.Cancel) }

// SetPriority sets how urgent the stream is, from 0 to 7; streams begin with 3.
// It is about what this side sends: QUIC does not tell the peer.
func (s *Stream) SetPriority(urgency int) error {
	if urgency < 0 || urgency > 7 {
		return fmt.Errorf("quicmux: urgency %d is not 0 to 7", urgency)
	}
	s.q.SetPriority(int8(urgency), true)
	return nil
}

// ID returns the number of the stream (RFC 9000, section 2.1).
func (s *Stream) ID() int64 { return int64(s.q.StreamID()) }

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (s *Stream) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.SetWriteDeadline(t))
}

// SetReadDeadline bounds reads, those that wait already too.
func (s *Stream) SetReadDeadline(t time.Time) error {
	if s.closed.Load() {
		return mux.ErrClosed
	}
	return s.q.SetReadDeadline(t)
}

// SetWriteDeadline bounds writes, those that wait already too. One that misses
// it has written what it says.
func (s *Stream) SetWriteDeadline(t time.Time) error {
	if s.closed.Load() {
		return mux.ErrClosed
	}
	err := s.q.SetWriteDeadline(t)
	if s.closed.Load() {
		_ = s.q.SetWriteDeadline(longAgo) // Close may have come first
		return mux.ErrClosed
	}
	return err
}

// LocalAddr returns the local address of the connection.
func (s *Stream) LocalAddr() net.Addr { return s.session.LocalAddr() }

// RemoteAddr returns the peer's address of the connection.
func (s *Stream) RemoteAddr() net.Addr { return s.session.RemoteAddr() }
