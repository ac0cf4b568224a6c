package vecio

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/peel"
)

// Layered returns top, a TLS connection over under, as a connection that
// writes few times and relays well. It owns both.
//
// Each Write and ReadFrom corks under, and sends as it goes: the peer opens
// one batch while the next is sealed. Over a *net.TCPConn or *net.UnixConn,
// also under wrappers with TransparentConn, the connection has Step and Ready
// as well, so that a relay over it holds no buffer while idle and can be
// parked. A partial record stays with top.
//
// top is a *tls.Conn, or something made after it: a connection that reads
// under record by record, keeps no temporary error, and leaves its handshake
// when that is over. Nobody else may use top or under meanwhile, but for what
// moves no bytes, top's ConnectionState for example. If top has Handshake,
// Step and Ready wait for that; a renegotiation later must be off, as it is by
// default.
//
// An end of the connection without the alert that ends a stream is what top
// says it is: crypto/tls takes it for an end, unless it cuts a record.
//
// CloseWrite is top's, or fails with errors.ErrUnsupported; Abort resets the
// connection below. Cork and Uncork go to under, for whoever writes several
// times. The methods are as safe for concurrent use as top's, and allocate
// nothing beyond what top does (TestLayeredAllocs).
func Layered(top net.Conn, under *CoalesceConn) net.Conn {
	l := &layeredConn{top: top, under: under, small: under.cfg.SmallFirst}
	l.in = growth.New(under.cfg.Pool, under.cfg.Budget, under.cfg.ReadAhead)
	l.out = growth.New(under.cfg.Pool, under.cfg.Budget, fillMax)
	_, wraps := under.raw.(peel.Transparent)
	if _, ok := peel.Stream(under.raw); ok || wraps {
		return &steppedConn{l}
	}
	return l
}

// fillMax is the most that ReadFrom takes from its source at a time.
const fillMax = 256 << 10

// layeredConn is a TLS connection that corks what is below it.
type layeredConn struct {
	top    net.Conn
	under  *CoalesceConn
	closed atomic.Bool

	rmu  sync.Mutex
	in   growth.Window
	rest []byte // what a Step has read and its destination did not take
	held []byte // the buffer that rest is in
	dry  bool   // all that has arrived has been read
	last bool   // and handed on: the next Step says that there is no more

	wmu   sync.Mutex
	out   growth.Window
	small int // how many bytes are still to be written in small records
}

// Read is top's Read.
func (l *layeredConn) Read(p []byte) (int, error) {
	l.rmu.Lock()
	defer l.unlock()
	if len(l.rest) > 0 {
		return l.readRest(p), nil
	}
	l.dry = false
	return l.top.Read(p)
}

func (l *layeredConn) readRest(p []byte) int {
	n := copy(p, l.rest)
	if l.rest = l.rest[n:]; len(l.rest) == 0 {
		l.dropRest()
	}
	return n
}

func (l *layeredConn) dropRest() {
	if l.held != nil {
		l.in.Put(l.held)
		l.held, l.rest = nil, nil
	}
}

// Write writes p, a batch of records at a time. It counts a batch when all of
// it has left.
func (l *layeredConn) Write(p []byte) (int, error) {
	l.wmu.Lock()
	defer l.wmu.Unlock()
	return l.write(p)
}

func (l *layeredConn) write(p []byte) (total int, err error) {
	for {
		batch := p[:min(len(p), l.under.out.batch)]
		l.under.cork(len(batch))
		n, err := l.writeRecords(batch)
		if uncorkErr := l.under.Uncork(); err == nil && uncorkErr != nil {
			n, err = 0, uncorkErr
		}
		total += n
		p = p[n:]
		if err != nil || len(p) == 0 {
			return total, err
		}
		if n < len(batch) {
			return total, io.ErrShortWrite
		}
	}
}

// smallRecord is the plaintext of a small record, in bytes.
const smallRecord = 4 << 10

// writeRecords writes one batch: as many records as top makes of it, or small
// ones as long as CoalesceConfig.SmallFirst says so.
func (l *layeredConn) writeRecords(batch []byte) (total int, err error) {
	for {
		p := batch[total:]
		if l.small > 0 {
			p = p[:min(len(p), smallRecord)]
		}
		n, err := l.top.Write(p)
		total += n
		l.small = max(0, l.small-n)
		if err != nil || n < len(p) || total == len(batch) {
			return total, err
		}
	}
}

// ReadFrom writes what it reads from src until that ends.
func (l *layeredConn) ReadFrom(src io.Reader) (int64, error) {
	l.wmu.Lock()
	defer l.wmu.Unlock()
	var total int64
	for {
		b := l.out.Get(l.out.Size())
		n, err := src.Read(b)
		if n > 0 {
			m, werr := l.write(b[:n])
			total += int64(m)
			if werr != nil {
				err = werr
			}
			l.out.Observe(n)
		}
		l.out.Put(b)
		switch err {
		case nil:
		case io.EOF:
			return total, nil
		default:
			return total, err
		}
	}
}

// Cork and Uncork are those of the connection below.
func (l *layeredConn) Cork()         { l.under.Cork() }
func (l *layeredConn) Uncork() error { return l.under.Uncork() }

// CloseWrite is top's.
func (l *layeredConn) CloseWrite() error {
	if c, ok := l.top.(closeWriter); ok {
		return c.CloseWrite()
	}
	return fmt.Errorf("vecio: CloseWrite of %T: %w", l.top, errors.ErrUnsupported)
}

// Close is top's.
func (l *layeredConn) Close() error {
	l.closed.Store(true)
	err := l.top.Close()
	l.release()
	return err
}

// Abort resets the connection below.
func (l *layeredConn) Abort() error {
	l.closed.Store(true)
	err := l.under.Abort()
	l.release()
	return err
}

// unlock also gives back what a Close under way had to leave.
func (l *layeredConn) unlock() {
	l.rmu.Unlock()
	if l.closed.Load() {
		l.release()
	}
}

// release gives back what a Step left, unless somebody is about to: a Close
// does not wait for a Step, which may wait for its destination.
func (l *layeredConn) release() {
	if l.rmu.TryLock() {
		l.dropRest()
		l.rmu.Unlock()
	}
}

// LocalAddr is top's.
func (l *layeredConn) LocalAddr() net.Addr { return l.top.LocalAddr() }

// RemoteAddr is top's.
func (l *layeredConn) RemoteAddr() net.Addr { return l.top.RemoteAddr() }

// SetDeadline is top's.
func (l *layeredConn) SetDeadline(t time.Time) error { return l.top.SetDeadline(t) }

// SetReadDeadline is top's.
func (l *layeredConn) SetReadDeadline(t time.Time) error { return l.top.SetReadDeadline(t) }

// SetWriteDeadline is top's.
func (l *layeredConn) SetWriteDeadline(t time.Time) error { return l.top.SetWriteDeadline(t) }
