package vecio

import (
	"net"
	"syscall"

	"github.com/headrace-go/headrace/internal/readiness"
)

// A waiter waits, in the flow's goroutine, until a Stepper may have more.
type waiter struct {
	r      *relay
	conn   syscall.Conn      // what the layer handed to Watch last
	sock   *readiness.Socket // its socket, nil if it is none
	handed bool
	woken  chan struct{}
}

func newWaiter(r *relay) *waiter {
	return &waiter{r: r, woken: make(chan struct{}, 1)}
}

// Watch notes the connection below the layer. The flow's goroutine then waits
// for that itself, which costs no hand-over between goroutines.
func (w *waiter) Watch(c syscall.Conn, _ func()) (cancel func()) {
	if c != w.conn {
		w.conn, w.sock = c, nil
		if nc, ok := c.(net.Conn); ok && !w.r.cfg.portable {
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

// wait returns when s may have more. It reports false if s cannot tell.
func (w *waiter) wait(s Stepper) (ok bool, err error) {
	w.handed = false
	cancel := s.Ready(w, w.wake)
	if cancel == nil || w.handed && w.sock == nil {
		return false, nil
	}
	defer cancel()
	if w.handed {
		return true, w.sock.Wait()
	}
	select {
	case <-w.woken:
		return true, nil
	case <-w.r.cut:
		return true, net.ErrClosed
	}
}
