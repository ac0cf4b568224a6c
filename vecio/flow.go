package vecio

import (
	"io"
	"net"
	"sync/atomic"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/peel"
	"github.com/headrace-go/headrace/internal/readiness"
	"github.com/headrace-go/headrace/internal/vec"
)

// A flow is one direction of a relay. Its goroutine owns everything in it but
// the atomic fields.
type flow struct {
	r     *relay
	from  End
	stats FlowStats

	window   growth.Window
	holding  atomic.Bool // bytes have been read and not yet been accepted
	eager    bool        // much has been moved by the last burst
	roomless bool        // the destination has no room that could be asked for

	src    *readiness.Socket // nil: the source is no socket
	dst    *vec.Writer       // nil: the destination is no socket
	sockIn *peel.Socket
	sockTo *peel.Socket
	bulk   int // bytes that have come in a row of large reads

	room *readiness.Room // of the destination; made when it is asked first

	writeErr error // what the destination said inside Step

	berth berth
}

func (f *flow) init(r *relay, from End) {
	f.r, f.from = r, from
	f.window = growth.New(r.cfg.Pool, r.cfg.Budget, r.cfg.MaxBurst)
}

// bind finds the sockets under both ends. It is called again when a wrapper
// may have become transparent.
func (f *flow) bind() {
	if f.r.cfg.portable {
		return
	}
	if f.src == nil {
		if p, ok := peel.Stream(f.source()); ok {
			f.sockIn, f.src = p, readiness.New(p)
		}
	}
	if f.dst == nil {
		if p, ok := peel.Stream(f.dest()); ok {
			f.sockTo, f.dst = p, vec.NewWriter(p)
		}
	}
}

// unbind lets go of what bind made: a parked flow does without.
func (f *flow) unbind() {
	f.src, f.dst, f.sockIn, f.sockTo = nil, nil, nil, nil
	f.room, f.roomless, f.eager = nil, false, false
}

func (f *flow) source() net.Conn { return f.r.ends[f.from] }
func (f *flow) dest() net.Conn   { return f.r.ends[1-f.from] }

// run moves bytes until the source ends, something fails, or the flow parks.
func (f *flow) run() {
	f.bind()
	err := f.pump()
	for err == errParked {
		if f.park() {
			return
		}
		f.bind()
		err = f.pump()
	}
	if err == io.EOF {
		err = nil
	}
	f.refuse()
	f.r.finish(f, err)
}

func (f *flow) pump() error {
	if f.src != nil {
		return f.fromSocket()
	}
	if s, ok := f.source().(Stepper); ok {
		return f.fromStepper(s)
	}
	return f.fromReader()
}

// moved counts n bytes that the destination has accepted, and pauses the flow
// if its Meter wants that.
func (f *flow) moved(n int64) {
	if n <= 0 {
		return
	}
	f.stats.Bytes += n
	f.r.cfg.Meter.count(f.from, n)
	f.r.touch()
	if d := f.r.cfg.Meter.charge(f.from, n); d > 0 {
		f.r.pause(d)
	}
}

// burst is how much the flow may move before it is counted again.
func (f *flow) burst(most int) int { return f.r.cfg.Meter.allowance(f.from, most) }

func (f *flow) readError(err error) error {
	if err == io.EOF {
		return err
	}
	return &EndError{End: f.from, Op: "read", Err: err}
}

func (f *flow) writeError(err error) error {
	return &EndError{End: 1 - f.from, Op: "write", Err: err}
}

// fromSocket moves bytes from a socket: the buffer is taken when there is
// something to read, and is given back when it has been written.
func (f *flow) fromSocket() error {
	if fill, ok := f.dest().(layered); ok {
		return f.fillLayer(fill)
	}
	for {
		if f.crowded() {
			if err := f.awaitSource(); err != nil {
				return err
			}
			f.awaitRoom()
		}
		f.beginWait(f.sockIn.Conn)
		b, err := f.src.ReadReady(&f.window, f.burst(f.window.Next()))
		if f.endWait(err) {
			return errParked
		}
		if err != nil {
			return f.readError(err)
		}
		n := len(b)
		if err := f.deliver(b, b); err != nil {
			return err
		}
		full := f.window.Full(n)
		f.eager = full
		f.window.Observe(n)
		if f.looksBulk(n, full) {
			if err := f.splice(); err != nil {
				return err
			}
		}
	}
}

// awaitSource returns when the source, a socket, has something to read.
func (f *flow) awaitSource() error {
	f.beginWait(f.sockIn.Conn)
	err := f.src.Wait()
	if f.endWait(err) {
		return errParked
	}
	if err != nil {
		return f.readError(err)
	}
	return nil
}

// An ordinary connection cannot say when it is ready, so a buffer is held
// while it is read: a small one, until reads fill it.
const (
	readerIdle = 4 << 10
	readerBusy = 32 << 10 // two TLS records, and what io.Copy takes
)

// A readyReader waits without a buffer, takes one from p for what has come, and
// reads once. The caller owns what it returns; on an error there is nothing to
// put back. Streams that nothing can watch are readyReaders.
type readyReader interface {
	ReadReady(p interface {
		Get(n int) []byte
		Put(b []byte)
	}) ([]byte, error)
}

// fromReader moves bytes from any connection, by Read and Write.
func (f *flow) fromReader() error {
	size := readerIdle
	src := f.source()
	_, mayBare := src.(peel.Transparent)
	if !mayBare {
		f.refuse()
	}
	if ready, ok := src.(readyReader); ok && !mayBare {
		return f.fromReady(ready)
	}
	for {
		if mayBare {
			if f.bind(); f.src != nil {
				return f.fromSocket()
			}
		}
		b := f.window.Get(size)
		n, err := src.Read(b)
		full := n == len(b)
		if werr := f.deliver(b, b[:n]); werr != nil {
			return werr
		}
		if err != nil {
			return f.readError(err)
		}
		switch {
		case full:
			size = readerBusy
		case n <= readerIdle:
			size = readerIdle
		}
	}
}

// fromReady is fromReader for a source that is waited for without a buffer.
func (f *flow) fromReady(src readyReader) error {
	for {
		b, err := src.ReadReady(&f.window)
		if err != nil {
			return f.readError(err)
		}
		if err := f.deliver(b, b); err != nil {
			return err
		}
	}
}

// deliver writes b, a part of buf, and gives buf back to the window.
func (f *flow) deliver(buf, b []byte) error {
	if len(b) == 0 {
		f.window.Put(buf)
		return nil
	}
	f.holding.Store(true)
	var n int64
	var err error
	if f.dst != nil {
		n, err = f.dst.Drain(&f.window, buf, b)
	} else {
		n, err = writeAll(f.dest(), b)
		f.window.Put(buf)
	}
	f.moved(n)
	if err != nil {
		return f.writeError(err)
	}
	f.holding.Store(false)
	return nil
}

// writeAll is Write, with a short count made an error.
func writeAll(w io.Writer, b []byte) (int64, error) {
	n, err := w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return int64(n), err
}
