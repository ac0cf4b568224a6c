package h2mux

import (
	"errors"
	"net"
	"runtime"

	"github.com/headrace-go/headrace/mux"
)

// reader is the session's reading goroutine.
func (s *Session) reader() {
	defer close(s.readerDone)
	err := s.receive()
	s.mu.Lock()
	if _, ours := errors.AsType[*mux.SessionError](err); ours && s.err == nil {
		e := s.ended(err).(*mux.SessionError)
		s.sendGoAway(s.peerLast, e.Code, e.Reason)
		s.polite = true
	}
	if s.err == nil {
		if s.unwritable != nil {
			err = s.unwritable
		}
		s.fail(s.ended(err))
	}
	polite := s.polite
	s.unlock()
	if polite {
		s.discard()
	}
}

// receive reads and understands frames until the connection or the session
// ends.
func (s *Session) receive() error {
	if !s.client {
		if err := s.receivePreface(); err != nil {
			return err
		}
	}
	switch {
	case s.in != nil:
		return s.receiveSocket()
	case layered(s.conn):
		return s.receiveLayer()
	}
	return s.receiveConn()
}

// The sizes of reads. They grow while reads come back full.
const (
	readMin = 16 << 10
	readMax = 256 << 10
)

// receiveSocket takes a buffer when there is something to read.
func (s *Session) receiveSocket() error {
	size := readMin
	for {
		buf, err := s.in.ReadReady(s.pool, size)
		if err != nil {
			return err
		}
		n := len(buf)
		s.flight.behind = n == size
		if err := s.feedBlock(buf, n); err != nil {
			return err
		}
		switch {
		case n == size:
			size = min(2*size, readMax)
		case n <= size/4:
			size = max(size/2, readMin)
		}
	}
}

// layered reports whether c is something like a tls.Conn, which has the rest of
// a record at hand after it was asked for a part.
func layered(c net.Conn) bool {
	_, ok := c.(interface{ NetConn() net.Conn })
	return ok
}

// receiveLayer waits for the header of a frame without a buffer, and reads the
// payload into one that fits, or, while reads come back full, that has room for
// more: there are layers that have many records at hand.
func (s *Session) receiveLayer() error {
	var head [headerLen]byte
	size := 0
	for {
		if s.parse.state == atHeader {
			n, err := s.conn.Read(head[:s.parse.wants()])
			if err == nil || n > 0 {
				err = s.feed(head[:n], nil)
			}
			if err != nil {
				return err
			}
			continue
		}
		buf := s.pool.Get(max(size, min(s.parse.wants(), readMin)))
		n, err := s.conn.Read(buf)
		if n == 0 && err != nil {
			s.pool.Put(buf)
			return err
		}
		switch full := n == len(buf); {
		case full && n >= readMin/2:
			size = min(max(2*size, 2*readMin), readMax)
		case n <= size/2:
			size /= 2
		}
		if err := s.feedBlock(buf, n); err != nil {
			return err
		}
	}
}

// waiting is what a connection that cannot say when it is ready is read with.
const waiting = 4 << 10

// receiveConn reads any connection: with little while little comes.
func (s *Session) receiveConn() error {
	size := waiting
	for {
		buf := s.pool.Get(max(size, min(s.parse.wants(), readMin)))
		n, err := s.conn.Read(buf)
		if n == 0 {
			s.pool.Put(buf)
			if err != nil {
				return err
			}
			continue
		}
		full := n == len(buf)
		if err := s.feedBlock(buf, n); err != nil {
			return err
		}
		if size = waiting; full {
			size = 2 * readMin
		}
	}
}

// feedBlock feeds the n bytes in buf, which it owns. If they are many, and of
// several streams, it lets those run who wait for them: while there is always
// more to read, on few processors, they would wait until the windows of all
// are used up.
func (s *Session) feedBlock(buf []byte, n int) error {
	b := newBlock(buf, s.pool, &s.pinned)
	err := s.feed(buf[:n], b)
	b.release()
	if n >= readMin && s.readers {
		runtime.Gosched()
	}
	return err
}

// discard reads until there is no more, when the peer has been told that nobody
// listens.
func (s *Session) discard() {
	buf := s.pool.Get(waiting)
	defer s.pool.Put(buf)
	for {
		if _, err := s.conn.Read(buf); err != nil {
			return
		}
	}
}

// receivePreface reads what a client begins with.
func (s *Session) receivePreface() error {
	var got [len(preface)]byte
	for n := 0; n < len(got); {
		k, err := s.conn.Read(got[n:])
		n += k
		if string(got[:n]) != preface[:n] {
			return connError(mux.ProtocolError, "no HTTP/2 preface")
		}
		if err != nil && n < len(got) {
			return err
		}
	}
	return nil
}

// errEnded: the session has ended while the reader waited.
var errEnded = errors.New("h2mux: session has ended")

// feed takes what has arrived apart. Pieces of it may stay in b.
func (s *Session) feed(p []byte, b *block) error {
	s.mu.Lock()
	defer s.unlock()
	s.heard++
	for len(p) > 0 {
		if s.err != nil {
			return errEnded
		}
		e, n, err := s.parse.next(p)
		p = p[n:]
		if err == nil {
			switch e.kind {
			case gotData:
				err = s.onData(e, b)
			case gotFrame:
				err = s.onFrame(e)
			}
		}
		s.parse.release()
		if err != nil {
			return err
		}
		s.check()
	}
	s.readers = s.crowded()
	s.nudge()
	return nil
}
