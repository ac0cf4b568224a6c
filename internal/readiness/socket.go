// Package readiness reads sockets without holding a buffer while there is
// nothing to read.
//
// Go's poller is edge-triggered: a wait that does not first try the call may
// miss an edge that came before it. So every wait here attempts the system
// call inside RawConn's callback and waits only on EAGAIN.
package readiness

import (
	"errors"
	"net"
	"syscall"

	"github.com/headrace-go/headrace/internal/peel"
)

// ErrWouldBlock: nothing has arrived.
var ErrWouldBlock = errors.New("readiness: nothing to read now")

// Pool lends memory for one read. Get may return less than n bytes.
type Pool interface {
	Get(n int) []byte
	Put(b []byte)
}

// A Socket reads one stream socket. It keeps its system call closures, so
// that no call allocates. It is not safe for concurrent use.
type Socket struct {
	sock *peel.Socket

	// The call under way, for the closures.
	op    op
	buf   []byte
	bufs  [][]byte
	pool  Pool
	size  int
	first []byte
	two   [2][]byte
	n     int
	err   error

	call func(fd uintptr) bool
}

// An op is what the callback does with the descriptor.
type op uint8

const (
	opTryRead op = iota
	opTryReadv
	opReadReady
	opReadReadyInto
	opWait
	opWoken
)

// Of returns a Socket that reads c, if c is a stream socket or transparent
// down to one.
func Of(c net.Conn) (*Socket, bool) {
	p, ok := peel.Stream(c)
	if !ok {
		return nil, false
	}
	return New(p), true
}

// New returns a Socket that reads p.
func New(p *peel.Socket) *Socket {
	s := &Socket{sock: p}
	s.call = s.attempt
	return s
}

// Conn is the socket itself, for whoever watches it.
func (s *Socket) Conn() syscall.Conn { return s.sock.Syscall() }

// TryRead reads what is there into b, without waiting: ErrWouldBlock where
// nothing is, io.EOF at the end of the stream.
func (s *Socket) TryRead(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	s.op, s.buf = opTryRead, b
	_, n, err := s.run()
	return n, err
}

// TryReadv is TryRead into several buffers, by one system call where the
// system has one.
func (s *Socket) TryReadv(bufs [][]byte) (int, error) {
	s.op, s.bufs = opTryReadv, bufs
	_, n, err := s.run()
	return n, err
}

// ReadReady waits until there is something to read, takes a buffer of size
// bytes from p, and reads once. The caller owns the buffer, cut to what was
// read, and puts it back. On an error there is no buffer.
func (s *Socket) ReadReady(p Pool, size int) ([]byte, error) {
	s.op, s.pool, s.size = opReadReady, p, size
	b, n, err := s.run()
	if err != nil {
		return nil, err
	}
	return b[:n], nil
}

// ReadReadyInto is ReadReady that reads into first, and only what that does not
// hold into the buffer from p, behind as many bytes as first has: first is cut
// to the buffer's length. It returns how many bytes were read in all, and the
// buffer as p lent it.
func (s *Socket) ReadReadyInto(first []byte, p Pool, size int) (n int, b []byte, err error) {
	s.op, s.pool, s.size, s.first = opReadReadyInto, p, size, first
	b, n, err = s.run()
	s.first, s.two = nil, [2][]byte{}
	if err != nil {
		return 0, nil, err
	}
	return n, b, nil
}

// Wait returns when there is something to read, be it an end of stream or an
// error. It holds no buffer, and may return early. Its errors are those of
// the wait: a deadline, a closed connection.
func (s *Socket) Wait() error {
	s.op = opWait
	_, _, err := s.run()
	return err
}

// run makes the call, and leaves no reference to the caller's memory behind.
func (s *Socket) run() (b []byte, n int, err error) {
	s.n, s.err = 0, nil
	waitErr := s.sock.Raw.Read(s.call)
	b, n, err = s.buf, s.n, s.err
	s.buf, s.bufs, s.pool, s.err = nil, nil, nil, nil
	if waitErr != nil {
		return nil, 0, waitErr
	}
	if n > 0 {
		s.sock.Moved(int64(n), 0)
	}
	return b, n, err
}

// attempt is the callback: it reports whether the call is over.
func (s *Socket) attempt(fd uintptr) bool {
	switch s.op {
	case opTryRead:
		s.n, s.err = read(fd, s.buf)
	case opTryReadv:
		s.n, s.err = readv(fd, s.bufs)
	case opReadReady:
		s.buf = s.pool.Get(s.size)
		s.n, s.err = read(fd, s.buf)
		if s.err != nil {
			s.pool.Put(s.buf)
			s.buf = nil
		}
		return s.err != ErrWouldBlock
	case opReadReadyInto:
		// Each attempt may be lent another length.
		s.buf = s.pool.Get(s.size)
		head := min(len(s.first), len(s.buf))
		s.two = [2][]byte{s.first[:head], s.buf[head:]}
		s.n, s.err = readv(fd, s.two[:])
		if s.err != nil {
			s.pool.Put(s.buf)
			s.buf = nil
		}
		return s.err != ErrWouldBlock
	case opWait:
		if !readable(fd) {
			// The next call comes with an edge: whatever it brings is found
			// by the read that follows, so it need not be looked at twice.
			s.op = opWoken
			return false
		}
	case opWoken:
	}
	return true
}
