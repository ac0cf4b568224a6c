package vecio

import (
	"io"
	"syscall"
)

// steppedConn is a layeredConn over a socket.
type steppedConn struct{ *layeredConn }

var _ Stepper = (*steppedConn)(nil)

// Step hands on what has arrived: as many records as there are, in one write
// if the buffer that the stream has earned holds them. What dst does not take
// comes first in the next Step or Read.
func (l *steppedConn) Step(dst io.Writer, most int) (int64, error) {
	l.rmu.Lock()
	defer l.unlock()
	if len(l.rest) > 0 {
		return l.stepRest(dst)
	}
	if l.dry && l.last { // a system call would say the same
		l.last = false
		return 0, nil
	}
	if err := l.handshake(); err != nil {
		return 0, err
	}
	l.held = l.in.Get(max(1, min(l.in.Size(), most)))
	n, err := l.readArrived(l.held)
	l.last = n > 0
	if n == 0 {
		l.dropRest()
		return 0, err
	}
	l.in.Observe(n)
	l.rest = l.held[:n]
	moved, werr := l.stepRest(dst)
	if werr != nil {
		err = werr
	}
	return moved, err
}

// stepRest writes what has been read.
func (l *steppedConn) stepRest(dst io.Writer) (int64, error) {
	n, err := writeAll(dst, l.rest)
	if l.rest = l.rest[n:]; len(l.rest) == 0 {
		l.dropRest()
	}
	return n, err
}

// readArrived reads records into b until it is full or nothing more has
// arrived, which is no error.
func (l *steppedConn) readArrived(b []byte) (n int, err error) {
	l.under.in.try.Store(true)
	defer l.under.in.try.Store(false)
	for n < len(b) {
		var m int
		m, err = l.top.Read(b[n:])
		n += m
		if err != nil {
			break
		}
	}
	// Only below does nothing say that there is nothing, and it is asked when
	// top has no plaintext left: tickets come without any, and part of a record
	// has none yet.
	if l.dry = err == errNothing; l.dry {
		err = nil
	}
	return n, err
}

// handshake waits until top is past its handshake, in which an error would
// stay, though it is temporary.
func (l *steppedConn) handshake() error {
	if h, ok := l.top.(interface{ Handshake() error }); ok {
		return h.Handshake()
	}
	return nil
}

// Ready has watch wait for the socket, once a Step has found nothing more.
func (l *steppedConn) Ready(watch interface {
	Watch(c syscall.Conn, wake func()) (cancel func())
}, wake func()) (cancel func()) {
	l.rmu.Lock()
	dry, sock := l.dry && len(l.rest) == 0, l.under.in.sock
	l.unlock()
	if !dry || sock == nil {
		wake()
		return func() {}
	}
	return watch.Watch(sock.Conn(), wake)
}

// WriteTo writes what it reads to dst until the stream ends, and holds no
// buffer while it waits.
func (l *steppedConn) WriteTo(dst io.Writer) (int64, error) {
	var total int64
	for {
		n, err := l.Step(dst, stepMax)
		total += n
		if err == nil && n == 0 {
			err = l.under.await()
		}
		switch err {
		case nil:
		case io.EOF:
			return total, nil
		default:
			return total, err
		}
	}
}
