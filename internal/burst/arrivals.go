package burst

import (
	"io"
	"net"
	"syscall"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/readiness"
)

// A layer hands on what has arrived without waiting for more.
type layer interface {
	Step(dst io.Writer, max int) (int64, error)
	Ready(watch Watcher, wake func()) (cancel func())
}

// Watcher calls wake once when c has become readable, unless cancel is called
// before.
type Watcher = interface {
	Watch(c syscall.Conn, wake func()) (cancel func())
}

// Arrivals is what has been read from a source and not been opened yet. Over a
// stream socket, also under transparent wrappers, and over a layer with Step
// and Ready, it holds at most the part of one record while it waits, in the
// smallest buffer that holds it. Over any other reader it holds its floor
// during a read. It is not safe for concurrent use.
type Arrivals struct {
	src    io.Reader
	conn   net.Conn          // src, if it is one
	sock   *readiness.Socket // the socket under it, if there is one
	layer  layer             // src, if it is one
	srcErr error             // came along with bytes, and is told after them

	pool  growth.Pool
	win   growth.Window
	floor int
	buf   []byte // lent by win; nil while idle
	want  int    // the size that was asked for buf
	head  int    // buf[head:tail] has arrived and is not opened
	tail  int
	need  int    // how many bytes from head on it takes to go on
	kept  []byte // what was buf[head:tail], while there is no buf
	reads int64  // that brought bytes
}

// Init makes a the arrivals from src, of which received has come already, and
// is copied. A read takes floor bytes at least, and as much as win has grown to.
func (a *Arrivals) Init(src io.Reader, pool growth.Pool, win growth.Window, floor int, received []byte) {
	a.src = src
	a.conn, _ = src.(net.Conn)
	a.layer, _ = src.(layer)
	a.pool, a.win, a.floor = pool, win, floor
	if n := len(received); n > 0 {
		a.buf = pool.Get(n)
		a.tail = copy(a.buf, received)
	}
}

// Fail has the source fail with err, unless that is nil, after what has arrived.
func (a *Arrivals) Fail(err error) { a.srcErr = err }

// Unopened is what has arrived and is not opened. It is valid until the next
// Fill or Settle; parts that are taken by Skip until then as well.
func (a *Arrivals) Unopened() []byte {
	if a.buf == nil {
		return nil
	}
	return a.buf[a.head:a.tail]
}

// Skip takes n bytes off the front.
func (a *Arrivals) Skip(n int) { a.head, a.need = a.head+n, 0 }

// Need says how many unopened bytes it takes to go on, at least. What was said
// before holds until the next Skip: after a Settle the bytes that it was told by
// cannot be looked at.
func (a *Arrivals) Need(n int) { a.need = max(a.need, n) }

// Empty reports whether all that has arrived is opened.
func (a *Arrivals) Empty() bool { return a.head == a.tail && len(a.kept) == 0 }

// Pending reports whether the source has an error that was not told yet.
func (a *Arrivals) Pending() bool { return a.srcErr != nil }

// Reads is how often bytes have been read.
func (a *Arrivals) Reads() int64 { return a.reads }

// bind finds the socket under the source. It is called again and again, since
// a wrapper may become transparent when it has handed on what it held.
func (a *Arrivals) bind() {
	if a.sock == nil && a.conn != nil {
		a.sock, _ = readiness.Of(a.conn)
	}
}

// Fill reads once from the source, about limit bytes at most. Unless it may
// wait, it returns readiness.ErrWouldBlock if nothing has arrived. There must
// be no whole record left, and no part of the buffer in use. On an error no
// buffer is held, but what has arrived is kept.
func (a *Arrivals) Fill(wait bool, limit int) error {
	err := a.srcErr
	if err == nil {
		a.bind()
		size := max(min(a.win.Size(), limit), growth.Floor)
		size = max(a.floor, size+size/growth.Floor*(a.floor-growth.Floor))
		switch {
		case a.sock != nil:
			err = a.fillFromSocket(wait, size)
		case wait:
			err = a.fillFromReader()
		case a.layer != nil:
			err = a.fillFromLayer(size)
		default:
			err = readiness.ErrWouldBlock
		}
	}
	if err != nil {
		a.Settle()
		return err
	}
	a.reads++
	a.win.Observe(a.tail)
	return nil
}

func (a *Arrivals) fillFromSocket(wait bool, size int) error {
	for {
		if wait && a.Empty() {
			a.Drop()
			a.want = size
			b, err := a.sock.ReadReady((*readyPool)(a), size)
			a.tail = len(b)
			return err
		}
		n, err := a.sock.TryRead(a.room(size))
		a.tail += n
		if err != readiness.ErrWouldBlock || !wait {
			return err
		}
		a.Settle()
		if err := a.sock.Wait(); err != nil {
			return err
		}
	}
}

// readyPool lends the buffer for a ReadReady, which returns only what it read.
type readyPool Arrivals

func (p *readyPool) Get(n int) []byte {
	p.buf = p.win.Get(n)
	return p.buf
}

func (p *readyPool) Put([]byte) { (*Arrivals)(p).Drop() }

// fillFromReader reads from a source that may let it wait with the buffer in
// hand: so it is never larger than the floor, whatever the stream has earned.
func (a *Arrivals) fillFromReader() error {
	for range maxEmptyReads {
		n, err := a.src.Read(a.room(a.floor))
		a.tail += n
		if n > 0 {
			if !isTimeout(err) {
				a.srcErr = err
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// maxEmptyReads is how often a source may return no byte and no error.
const maxEmptyReads = 100

// fillFromLayer takes what has arrived at a layer.
func (a *Arrivals) fillFromLayer(size int) error {
	n, err := a.layer.Step((*layerSink)(a), size)
	switch {
	case n > 0:
		a.srcErr = err
		return nil
	case err != nil:
		return err
	default:
		return readiness.ErrWouldBlock
	}
}

// layerSink is the buffer as what a layer writes to.
type layerSink Arrivals

func (s *layerSink) Write(p []byte) (int, error) {
	a := (*Arrivals)(s)
	held := a.tail - a.head + len(a.kept)
	a.need = max(a.need, held+len(p))
	n := copy(a.room(a.win.Size()), p)
	a.tail += n
	return n, nil
}

// room returns the free part of a buffer of size bytes if the budget has them,
// and in any case of a.need, with what has arrived moved to its front.
func (a *Arrivals) room(size int) []byte {
	if a.buf != nil && (len(a.buf) < a.need || a.want < size) {
		a.Settle()
	}
	if a.buf == nil {
		a.want = max(size, a.need)
		a.buf = a.win.Get(a.want)
		if len(a.buf) < a.need {
			// The budget refused, but one whole record must have room.
			a.win.Put(a.buf)
			a.buf = a.pool.Get(a.need)
		}
		a.tail = copy(a.buf, a.kept)
		if a.kept != nil {
			a.pool.Put(a.kept)
			a.kept = nil
		}
	} else if a.head > 0 {
		a.tail = copy(a.buf, a.buf[a.head:a.tail])
	}
	a.head = 0
	return a.buf[a.tail:]
}

// Settle gives the buffer back, and keeps what is left of it, a part of one
// record, in memory of that size. The next buffer must hold it, and more.
func (a *Arrivals) Settle() {
	if left := a.tail - a.head; left > 0 {
		a.need = max(a.need, left+1)
		a.kept = a.pool.Get(left)
		copy(a.kept, a.buf[a.head:a.tail])
	}
	a.Drop()
}

// Drop gives the buffer back.
func (a *Arrivals) Drop() {
	if a.buf != nil {
		a.win.Put(a.buf)
		a.buf = nil
	}
	a.head, a.tail = 0, 0
}

// Discard gives up all that has arrived.
func (a *Arrivals) Discard() {
	a.Drop()
	if a.kept != nil {
		a.pool.Put(a.kept)
		a.kept = nil
	}
}
