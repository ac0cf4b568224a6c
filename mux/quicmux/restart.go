package quicmux

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

// A restarter has both senders of a client's session look for their rates anew
// where quic-go has given up too early.
//
// A QUIC sender doubles its congestion window each round trip until packets are
// lost or, as HyStart has it, round trips become longer. quic-go looks at these
// also while the connection only receives, and what it receives may fill a queue
// and make them longer. So after a download the window that an upload begins with
// may be 40 KB, and the other way round, and from then on it grows by a packet per
// round trip: to fill a path of 1 Gbit/s and 20 ms takes 1900 of them, 38 s.
//
// quic-go begins slow start again, on both sides, when a connection moves to
// another path (RFC 9000, section 9.4). Here that is one from another port, to and
// fro between two. What is on its way at the time is sent twice, which is little
// if a window is. A server cannot move, so this is for clients.
type restarter struct {
	conn     *quic.Conn
	open     func() (*socket, error)
	restarts atomic.Uint64

	mu    sync.Mutex
	watch watch
	until time.Time // there is nothing to be looked at before
	wait  time.Duration
	busy  bool // moving, or never to move again

	moving sync.Mutex // held by who moves, or closes
	closed bool
	here   atomic.Pointer[socket] // nil before the first move
	other  *socket                // to be moved to; nil before it is needed
	all    []*socket
	path   *quic.Path // the one that was moved to last
}

const (
	// restartWait is how long a restart is given to show its worth. It doubles up
	// to restartWaitMost, since on a path whose round trips vary without a queue
	// slow start ends early each time.
	restartWait     = 5 * time.Second
	restartWaitMost = time.Minute
	// restartTimeout bounds the probe of the path.
	restartTimeout = 3 * time.Second
)

func newRestarter(c *quic.Conn, here *socket, open func() (*socket, error)) *restarter {
	return &restarter{conn: c, open: open, wait: restartWait, all: []*socket{here}}
}

// localAddr is what the connection's own answer is not for, while it moves.
func (r *restarter) localAddr() net.Addr {
	if here := r.here.Load(); here != nil {
		return here.udp.LocalAddr()
	}
	return r.conn.LocalAddr()
}

func (r *restarter) sample() sample {
	s := r.conn.ConnectionStats()
	return sample{
		at: time.Now(), sent: s.BytesSent, received: s.BytesReceived, lost: s.PacketsLost,
		window: s.CongestionWindow, rtt: s.SmoothedRTT, least: s.MinRTT,
	}
}

// moved is called when something was read or written, which is when it matters
// how fast that is.
func (r *restarter) moved() {
	if r == nil || !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	if r.busy || time.Now().Before(r.until) {
		return
	}
	s := r.sample()
	r.until = s.at.Add(watchSpan * s.rtt)
	if r.watch.next(s) {
		r.busy = true
		go r.restart()
	}
}

// restart moves the connection. It takes a round trip.
func (r *restarter) restart() {
	if r.move() != nil {
		return // for ever: the peer does not want it, or the connection ends
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restarts.Add(1)
	r.watch = watch{lost: r.conn.ConnectionStats().PacketsLost}
	r.until = time.Now().Add(r.wait)
	r.wait = min(2*r.wait, restartWaitMost)
	r.busy = false
}

func (r *restarter) move() error {
	ctx, cancel := context.WithTimeout(r.conn.Context(), restartTimeout)
	defer cancel()
	select {
	case <-r.conn.HandshakeComplete():
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.moving.Lock()
	defer r.moving.Unlock()
	if r.closed {
		return net.ErrClosed
	}
	if r.other == nil {
		s, err := r.open()
		if err != nil {
			return err
		}
		r.other = s
		r.all = append(r.all, s)
	}
	path, err := r.conn.AddPath(r.other.transport)
	if err != nil {
		return err
	}
	if err := path.Probe(ctx); err != nil {
		return errors.Join(err, path.Close())
	}
	if err := path.Switch(); err != nil {
		return err
	}
	if r.path != nil {
		_ = r.path.Close() // gives its connection ID back; it fails only in use
	}
	r.path = path
	if r.other = r.here.Swap(r.other); r.other == nil {
		r.other = r.all[0]
	}
	return nil
}

// close closes the sockets. It is called when the connection has ended.
func (r *restarter) close() {
	r.moving.Lock()
	defer r.moving.Unlock()
	r.closed = true
	for _, s := range r.all {
		s.close()
	}
}
