package vecio

import (
	"io"
	"net"
	"sync/atomic"
	"syscall"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/peel"
	"github.com/headrace-go/headrace/internal/readiness"
	"github.com/headrace-go/headrace/internal/vec"
)

// A Stepper is a layer above a connection, such as a cipher stream, that can
// hand on what has arrived without waiting for more.
type Stepper interface {
	// Step writes what has arrived to dst, about max bytes at most, and
	// never waits for more; it may wait for dst. It returns 0 and nil if
	// nothing has arrived, and io.EOF at the end of the stream.
	Step(dst io.Writer, max int) (int64, error)
	// Ready arranges for one call of wake when Step may have more: by
	// handing the connection below to watch, or by calling wake itself. It
	// returns nil if it can do neither; then Read must be used to wait.
	Ready(watch interface {
		Watch(c syscall.Conn, wake func()) (cancel func())
	}, wake func()) (cancel func())
}

// A flow is one direction of a relay. Its goroutine owns everything in it but
// the atomic fields.
type flow struct {
	r     *relay
	from  End
	stats FlowStats

	window  growth.Window
	holding atomic.Bool // bytes have been read and not yet been accepted

	src    *readiness.Socket // nil: the source is no socket
	dst    *vec.Writer       // nil: the destination is no socket
	sockIn *peel.Socket
	sockTo *peel.Socket
	bulk   int // bursts in a row that make the flow look like bulk

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

// moved counts n bytes that the destination has accepted.
func (f *flow) moved(n int64) {
	if n <= 0 {
		return
	}
	f.stats.Bytes += n
	f.r.cfg.Meter.add(f.from, n)
	f.r.touch()
}

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
		f.beginWait(f.sockIn.Conn)
		b, err := f.src.ReadReady(&f.window, f.window.Size())
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
		f.window.Observe(n)
		if f.looksBulk(n) {
			if err := f.splice(); err != nil {
				return err
			}
		}
	}
}

// layered is a destination that reads for itself, to lay the bytes out as it
// needs them. Only one that also has Step is known to hold no buffer between
// calls.
type layered interface {
	io.ReaderFrom
	Stepper
}

// fillLayer moves bytes from a socket into a layer, one burst a call.
func (f *flow) fillLayer(dst layered) error {
	burst := &burst{flow: f}
	for {
		f.beginWait(f.sockIn.Conn)
		err := f.src.Wait()
		if f.endWait(err) {
			return errParked
		}
		if err != nil {
			return f.readError(err)
		}
		burst.begin()
		n, err := dst.ReadFrom(burst)
		f.moved(n)
		switch {
		case burst.err == io.EOF:
			if err != nil {
				return f.writeError(err)
			}
			return io.EOF
		case burst.err != nil:
			return f.readError(burst.err)
		case err != nil:
			return f.writeError(err)
		}
		f.holding.Store(false)
	}
}

// A burst is what has arrived at a socket, as a stream that ends there.
type burst struct {
	flow *flow
	over bool
	err  error // what the socket said, other than that nothing is there
}

func (b *burst) begin() { b.over, b.err = false, nil }

// Read and Readv read once: a short count says that there is no more.
func (b *burst) Read(p []byte) (int, error) {
	if b.over {
		return 0, io.EOF
	}
	n, err := b.flow.src.TryRead(p)
	return b.note(n, n == len(p), err)
}

func (b *burst) Readv(bufs [][]byte) (int, error) {
	if b.over {
		return 0, io.EOF
	}
	room := 0
	for _, p := range bufs {
		room += len(p)
	}
	n, err := b.flow.src.TryReadv(bufs)
	return b.note(n, n == room, err)
}

func (b *burst) note(n int, full bool, err error) (int, error) {
	b.over = !full || err != nil
	if n > 0 {
		b.flow.holding.Store(true)
	}
	if err != nil && err != readiness.ErrWouldBlock {
		b.err = err
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// stepMax bounds one Step, so that counts and the idle clock stay live.
const stepMax = 1 << 20

// fromStepper moves bytes from a layer that hands on what has arrived.
func (f *flow) fromStepper(src Stepper) error {
	var dst io.Writer = f.dest()
	if f.dst != nil {
		dst = &sink{flow: f}
	}
	wait := newWaiter(f)
	for {
		n, err := src.Step(dst, stepMax)
		f.moved(n)
		switch {
		case f.writeErr != nil:
			return f.writeError(f.writeErr)
		case err != nil:
			return f.readError(err)
		case n > 0:
			continue
		}
		switch ok, err := wait.wait(src); {
		case err == errParked:
			return err
		case err != nil:
			return f.readError(err)
		case !ok:
			return f.fromReader()
		}
	}
}

// A sink is the socket that a Stepper writes to.
type sink struct{ flow *flow }

func (s *sink) Write(b []byte) (int, error) {
	s.flow.holding.Store(true)
	n, err := s.flow.dst.Write(b)
	s.note(err)
	return n, err
}

func (s *sink) Writev(bufs [][]byte) (int64, error) {
	s.flow.holding.Store(true)
	n, err := s.flow.dst.Writev(bufs)
	s.note(err)
	return n, err
}

func (s *sink) note(err error) {
	if err != nil {
		s.flow.writeErr = err
		return
	}
	s.flow.holding.Store(false)
}

// An ordinary connection cannot say when it is ready, so a buffer is held
// while it is read: a small one, until reads fill it.
const (
	readerIdle = 4 << 10
	readerBusy = 32 << 10 // two TLS records, and what io.Copy takes
)

// fromReader moves bytes from any connection, by Read and Write.
func (f *flow) fromReader() error {
	size := readerIdle
	src := f.source()
	_, mayBare := src.(peel.Transparent)
	if !mayBare {
		f.refuse()
	}
	for {
		b := f.window.Get(size)
		n, err := src.Read(b)
		if werr := f.deliver(b, b[:n]); werr != nil {
			return werr
		}
		if err != nil {
			return f.readError(err)
		}
		switch {
		case n == size:
			size = readerBusy
		case n <= readerIdle:
			size = readerIdle
		}
		if mayBare {
			if f.bind(); f.src != nil {
				return f.fromSocket()
			}
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
