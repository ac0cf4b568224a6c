package vecio

import (
	"net"
	"os"
	"syscall"
	"time"

	"github.com/headrace-go/headrace/internal/readiness"
)

// A waiter waits, in the flow's goroutine, until a Stepper may have more.
type waiter struct {
	flow   *flow
	conn   syscall.Conn      // what the layer handed to Watch last
	sock   *readiness.Socket // its socket, nil if it is none
	handed bool
	woken  chan struct{}
}

func newWaiter(f *flow) *waiter {
	return &waiter{flow: f, woken: make(chan struct{}, 1)}
}

// Watch notes the connection below the layer. The flow's goroutine then waits
// for that itself, which costs no hand-over between goroutines.
func (w *waiter) Watch(c syscall.Conn, _ func()) (cancel func()) {
	if c != w.conn {
		w.conn, w.sock = c, nil
		if nc, ok := c.(net.Conn); ok && !w.flow.r.cfg.portable {
			w.sock, _ = readiness.Of(nc)
		}
	}
	w.handed = true
	return func() {}
}

func (w *waiter) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// SetReadDeadline lets a kick end a wait for a wake.
func (w *waiter) SetReadDeadline(t time.Time) error {
	if !t.IsZero() {
		w.wake()
	}
	return nil
}

// wait returns when s may have more. It reports false if s cannot tell, and
// fails with errParked if the flow should park.
func (w *waiter) wait(s Stepper) (ok bool, err error) {
	w.handed = false
	cancel := s.Ready(w, w.wake)
	if cancel == nil || w.handed && w.sock == nil {
		return false, nil
	}
	defer cancel()
	if w.handed {
		w.flow.beginWait(w.conn.(net.Conn))
		err = w.sock.Wait()
	} else {
		w.flow.beginWait(w)
		select {
		case <-w.woken:
			err = os.ErrDeadlineExceeded // if it was the kick's wake
		case <-w.flow.r.cut:
			return true, net.ErrClosed
		}
	}
	switch {
	case w.flow.endWait(err):
		return true, errParked
	case w.handed:
		return true, err
	}
	return true, nil
}
