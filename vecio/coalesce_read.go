package vecio

import (
	"net"
	"sync"
	"sync/atomic"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/readiness"
)

// A record is a header that ends with the length of what follows it: RFC 8446,
// section 5.1, and every version of TLS before.
const recordHeader = 5

// readAhead is the reading side of a CoalesceConn.
//
// No Read crosses the end of a record. So the layer above never holds bytes
// of a record that it has not begun: when it has no plaintext left, what is
// here is all there is, and when it wants no more, what is here is not TLS.
type readAhead struct {
	mu    sync.Mutex
	sock  *readiness.Socket // nil: raw is no socket
	try   atomic.Bool       // do not wait: fail with errNothing
	spent bool              // the last try has read all there was
	err   error             // came along with bytes, and is told after them

	win        growth.Window
	buf        []byte // lent by win; nil while nothing is ahead
	head, tail int    // buf[head:tail] is ahead
	two        [2][]byte

	// The record that the layer above is reading.
	header [recordHeader]byte
	got    int // how many bytes of the header it has
	left   int // how many bytes of the body it has not, if got == recordHeader
	last   int // how long the record before was, header and all

	reads, bytes atomic.Int64
}

// errNothing says that nothing has arrived. crypto/tls does not keep a
// temporary error, so its Read can be tried.
var errNothing net.Error = nothingError{}

type nothingError struct{}

func (nothingError) Error() string   { return "vecio: nothing to read now" }
func (nothingError) Timeout() bool   { return false }
func (nothingError) Temporary() bool { return true }

// Read reads into p, up to the end of the record at most. It waits for the
// first byte, and not for the rest of the record.
func (c *CoalesceConn) Read(p []byte) (int, error) {
	r := &c.in
	r.mu.Lock()
	defer r.unlock(c)
	switch {
	case c.closed.Load():
		return 0, errClosed
	case len(p) == 0:
		return 0, nil
	}
	if r.head == r.tail {
		if n, err := r.fill(c.raw, p); n > 0 || err != nil {
			return n, err
		}
	}
	n := r.within(r.buf[r.head:r.tail][:min(len(p), r.tail-r.head)])
	copy(p, r.buf[r.head:r.head+n])
	r.advance(n)
	r.head += n
	switch left := r.tail - r.head; {
	case left == 0:
		r.drop()
	case left <= len(r.buf)/fewLeft:
		// It may be long until it is asked for: a ticket is, behind a handshake.
		kept := r.win.Keep(left)
		copy(kept, r.buf[r.head:r.tail])
		r.win.Put(r.buf)
		r.buf = kept
		r.head, r.tail = 0, left
	}
	return n, nil
}

// fewLeft is what part of a buffer is worth moving to a smaller one.
const fewLeft = 8

// within returns how many of b, the bytes that come next, are of the record.
func (r *readAhead) within(b []byte) int {
	if r.got == recordHeader {
		return min(r.left, len(b))
	}
	n := copy(r.header[r.got:], b)
	if r.got+n == recordHeader {
		n += r.bodyLen()
	}
	return min(n, len(b))
}

// bodyLen is what a whole header says.
func (r *readAhead) bodyLen() int { return int(r.header[3])<<8 | int(r.header[4]) }

// advance notes that the layer above has n more bytes of the record.
func (r *readAhead) advance(n int) {
	if r.got < recordHeader {
		k := min(n, recordHeader-r.got)
		r.got += k
		n -= k
		if r.got < recordHeader {
			return
		}
		r.left = r.bodyLen()
	}
	if r.left -= n; r.left == 0 {
		r.got, r.last = 0, recordHeader+r.bodyLen()
	}
}

// midRecord reports whether the layer above has a part of a record.
func (r *readAhead) midRecord() bool { return r.got > 0 }

// directMin is from how many bytes on it pays to read straight into the layer
// above, which takes a gathering read.
const directMin = 2 << 10

// direct returns how many of the bytes that come next the layer above should
// have in p at once: what is known to be of the record, or is likely to be.
func (r *readAhead) direct(p []byte, size int) int {
	n := r.left
	if r.got == 0 {
		n = r.last
	}
	if n = min(n, len(p), size); n < directMin || 0 < r.got && r.got < recordHeader {
		return 0
	}
	return n
}

// fill reads once from raw, and returns how many bytes of the record are in p
// already.
func (r *readAhead) fill(raw net.Conn, p []byte) (n int, err error) {
	if r.sock == nil { // a wrapper may have become transparent
		r.sock, _ = readiness.Of(raw)
	}
	size := r.win.Size()
	first := 0 // bytes of p that are read into
	switch err = r.err; {
	case err != nil:
	case r.sock == nil:
		r.buf = r.win.Get(growth.Floor) // it may wait with that in hand
		n, err = raw.Read(r.buf)
	default:
		first = r.direct(p, size)
		n, err = r.fillFromSocket(p[:first], size)
	}
	if n == 0 {
		r.drop()
		return 0, err
	}
	r.err = err // it comes again without bytes
	r.win.Observe(n)
	r.reads.Add(1)
	r.bytes.Add(int64(n))
	first = min(first, len(r.buf))
	r.head, r.tail = first, max(n, first)
	if first == 0 {
		return 0, nil
	}
	m := min(n, first)
	n = r.within(p[:m])
	r.advance(n)
	r.head -= copy(r.buf[first-(m-n):first], p[n:m]) // another record, after all
	if r.head == r.tail {
		r.drop()
	}
	return n, nil
}

// fillFromSocket reads into first, and the rest into the buffer, behind room
// for what first holds.
func (r *readAhead) fillFromSocket(first []byte, size int) (n int, err error) {
	switch {
	case !r.try.Load() && len(first) == 0:
		r.spent = false
		r.buf, err = r.sock.ReadReady(&r.win, size)
		return len(r.buf), err
	case !r.try.Load():
		r.spent = false
		n, r.buf, err = r.sock.ReadReadyInto(first, &r.win, size)
		return n, err
	}
	if r.spent { // whoever waits looks before he sleeps
		r.spent = false
		return 0, errNothing
	}
	r.buf = r.win.Get(size)
	if first = first[:min(len(first), len(r.buf))]; len(first) == 0 {
		n, err = r.sock.TryRead(r.buf)
	} else {
		r.two = [2][]byte{first, r.buf[len(first):]}
		n, err = r.sock.TryReadv(r.two[:])
		r.two = [2][]byte{}
	}
	if err == readiness.ErrWouldBlock {
		err = errNothing
	}
	r.spent = 0 < n && n < len(r.buf)
	return n, err
}

// await returns when raw, a socket, has something to read or fails.
func (c *CoalesceConn) await() error {
	r := &c.in
	r.mu.Lock()
	defer r.unlock(c)
	if c.closed.Load() {
		return errClosed
	}
	if r.head < r.tail || r.sock == nil {
		return nil
	}
	return r.sock.Wait()
}

// drop gives the buffer back.
func (r *readAhead) drop() {
	if r.buf != nil {
		r.win.Put(r.buf)
		r.buf = nil
	}
	r.head, r.tail = 0, 0
}

// unlock also gives the buffer back that a Close under way had to leave.
func (r *readAhead) unlock(c *CoalesceConn) {
	r.mu.Unlock()
	if c.closed.Load() {
		r.release()
	}
}

// release gives the buffer back, unless somebody is about to.
func (r *readAhead) release() {
	if r.mu.TryLock() {
		r.drop()
		r.mu.Unlock()
	}
}
