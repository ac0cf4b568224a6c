package vecio

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/internal/slab"
)

// receiveMax is the most entries that a Receiver reads at once, each with a
// buffer of 64 KiB: one for as long as it is enough.
const receiveMax = 16

// lingerFor is how long a Receiver keeps its goroutine after the last
// datagram: to be woken by a Parker takes longer than to wait.
const lingerFor = time.Second

// maxLingering bounds the goroutines of the process that wait in this way.
// Beyond, Receivers are parked at once.
const maxLingering = 1024

var lingering atomic.Int32

// ReceiverConfig configures a Receiver. Handle is needed, anything else may be
// zero.
type ReceiverConfig struct {
	// Handle gets what has arrived. It may change ms, but for Buf, and the
	// memory in it, and write to any BatchConn; when it returns, the buffers
	// go back. It is not called for one Receiver twice at a time.
	Handle func(ms []Datagram)
	// Ended is called once, after the last call of Handle, with why: an error
	// of the socket, net.ErrClosed after Close. Nil means that nobody asks.
	Ended func(err error)
	// Parker waits for sockets on which nothing arrives. Nil means that a
	// Receiver keeps its goroutine, though no buffer.
	Parker *Parker
	// Pool lends the buffers; it must be safe for concurrent use. Nil means
	// the process-wide slab.
	Pool interface {
		Get(n int) []byte
		Put(b []byte)
	}
}

// A Receiver reads a UDP socket for as long as it is open. While nothing
// arrives it holds no buffer, and with a Parker no goroutine. Errors that
// peers cause, such as ECONNREFUSED on a connected socket, do not end it.
// All its methods are safe for concurrent use.
type Receiver struct {
	conn *BatchConn
	cfg  ReceiverConfig

	mu     sync.Mutex
	parked bool
	closed bool
	cancel func() // takes the watch of a parked one back
	wake   func()
	errors atomic.Int64
}

// Receive starts a Receiver of c, which it owns from now on, deadlines
// included. It starts parked, or with a goroutine if cfg has no Parker.
func Receive(c *BatchConn, cfg ReceiverConfig) *Receiver {
	if cfg.Handle == nil {
		panic("vecio: ReceiverConfig without Handle")
	}
	if cfg.Pool == nil {
		cfg.Pool = slab.Default()
	}
	r := &Receiver{conn: c, cfg: cfg}
	r.wake = r.unpark
	if !r.park() {
		go r.run()
	}
	return r
}

// Conn returns what the Receiver reads, to write to it.
func (r *Receiver) Conn() *BatchConn { return r.conn }

// PeerErrors returns how many errors were about what had been sent to a peer.
func (r *Receiver) PeerErrors() int64 { return r.errors.Load() }

// Close closes the socket. It does not wait for Handle, and may be called from
// there; Ended tells when all is over. A second Close fails with net.ErrClosed.
func (r *Receiver) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return net.ErrClosed
	}
	r.closed = true
	parked, cancel := r.parked, r.cancel
	r.parked, r.cancel = false, nil
	r.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	err := r.conn.Close()
	if parked {
		r.ended(net.ErrClosed)
	}
	return err
}

func (r *Receiver) ended(err error) {
	if r.cfg.Ended != nil {
		r.cfg.Ended(err)
	}
}

// park hands the Receiver to the Parker. It reports false if it needs a
// goroutine.
func (r *Receiver) park() bool {
	if r.cfg.Parker == nil || r.conn.portable.Load() {
		return false // without batches there is no read that does not wait
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return false
	}
	r.parked = true
	r.mu.Unlock()
	// From here on unpark may start another goroutine, and Close may end it.
	cancel := r.cfg.Parker.Watch(r.conn.udp, r.wake)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.parked:
		if cancel != nil {
			cancel()
		}
		return true
	case cancel == nil: // the Parker is closed, or the socket
		r.parked = false
		return false
	}
	r.cancel = cancel
	return true
}

func (r *Receiver) unpark() {
	r.mu.Lock()
	parked := r.parked
	r.parked, r.cancel = false, nil
	r.mu.Unlock()
	if parked {
		go r.run()
	}
}

// run reads until nothing comes for a while, or the socket ends.
func (r *Receiver) run() {
	batch := receiveBatches.Get().(*[receiveMax]Datagram)
	defer receiveBatches.Put(batch)
	w := r.beginWaits()
	defer w.end()
	for size := 1; ; {
		n, err := r.conn.readReady(r.cfg.Pool, batch[:size], w.mode == waitNever)
		switch {
		case n > 0:
			w.moved = true
			r.handle(batch[:n])
			size = nextBatch(size, n)
		case errors.Is(err, errNothingNow), errors.Is(err, os.ErrDeadlineExceeded):
			if w.again() {
				continue
			}
			if r.park() {
				return
			}
			w.forever()
		case isPeerError(err):
			r.errors.Add(1)
		default:
			r.ended(err)
			return
		}
	}
}

func (r *Receiver) handle(ms []Datagram) {
	r.cfg.Handle(ms)
	for i := range ms {
		r.cfg.Pool.Put(ms[i].Buf)
	}
	clear(ms)
}

// nextBatch doubles while reads come back full, and halves while they do not
// need half.
func nextBatch(size, n int) int {
	switch {
	case n == size:
		return min(2*size, receiveMax)
	case n <= size/2:
		return size / 2
	}
	return size
}

// waits say how long a goroutine waits for more, one second after the last
// datagram or a little longer: to set a deadline for each would cost as much
// as to read it.
type waits struct {
	r     *Receiver
	mode  waitMode
	moved bool // since the deadline was set
}

type waitMode uint8

const (
	waitForever waitMode = iota // there is no Parker
	waitAwhile                  // until a deadline
	waitNever                   // too many others do
)

func (r *Receiver) beginWaits() waits {
	w := waits{r: r}
	switch {
	case r.cfg.Parker == nil || r.conn.portable.Load():
	case lingering.Add(1) > maxLingering:
		lingering.Add(-1)
		w.mode = waitNever
	default:
		w.mode = waitAwhile
		w.extend()
	}
	return w
}

func (w *waits) extend() {
	w.moved = false
	_ = w.r.conn.udp.SetReadDeadline(time.Now().Add(lingerFor)) // fails on a closed socket, as the read will
}

// again reports whether to wait once more, after nothing came.
func (w *waits) again() bool {
	if w.mode != waitAwhile || !w.moved {
		w.end()
		return false
	}
	w.extend()
	return true
}

// end takes the deadline back.
func (w *waits) end() {
	if w.mode == waitAwhile {
		lingering.Add(-1)
		_ = w.r.conn.udp.SetReadDeadline(time.Time{})
		w.mode = waitNever
	}
}

func (w *waits) forever() { w.mode = waitForever }

var receiveBatches = sync.Pool{New: func() any { return new([receiveMax]Datagram) }}
