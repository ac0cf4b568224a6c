package readiness

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// waiters is the backend of systems without epoll: a goroutine for each
// socket, and the same meaning.
type waiters struct {
	watcher *Watcher

	mu      sync.Mutex
	waiting map[ticket]*waiter
	running sync.WaitGroup
}

// A waiter is one goroutine.
type waiter struct {
	conn net.Conn
	done chan struct{}
}

func newWaiters(w *Watcher) *waiters {
	return &waiters{watcher: w, waiting: make(map[ticket]*waiter)}
}

func (b *waiters) close() error {
	b.running.Wait()
	return nil
}

func (b *waiters) arm(c syscall.Conn, raw syscall.RawConn, t ticket) error {
	conn, ok := c.(net.Conn)
	if !ok {
		return errors.ErrUnsupported // there would be no way to end the wait
	}
	if err := raw.Control(func(uintptr) {}); err != nil {
		return err
	}
	w := &waiter{conn: conn, done: make(chan struct{})}
	b.mu.Lock()
	b.waiting[t] = w
	b.mu.Unlock()
	b.running.Go(func() {
		// RawConn.Read waits between two calls of its function.
		waited := false
		_ = raw.Read(func(fd uintptr) bool {
			ready := waited || readable(fd)
			waited = true
			return ready
		})
		close(w.done)
		b.mu.Lock()
		delete(b.waiting, t)
		b.mu.Unlock()
		b.watcher.fire(t)
	})
	return nil
}

// disarm ends the wait by a deadline in the past, which it then takes back.
func (b *waiters) disarm(_ syscall.RawConn, t ticket) {
	b.mu.Lock()
	w := b.waiting[t]
	b.mu.Unlock()
	if w == nil {
		return
	}
	_ = w.conn.SetReadDeadline(time.Unix(1, 0))
	<-w.done
	_ = w.conn.SetReadDeadline(time.Time{})
}
