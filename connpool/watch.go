package connpool

import (
	"sync"

	"github.com/headrace-go/headrace/internal/readiness"
)

// watch is the pool's watcher, made for the first connection that is a socket.
type watch struct {
	once    sync.Once
	watcher *readiness.Watcher // nil: the system refuses or the pool was closed
}

// watchEnd has m evicted when its peer ends it, idle or not. The registration
// stays as long as the connection, so that lending costs no system call. It
// returns what ends it, or nil if there is none.
func (c *core) watchEnd(m *member) (stop func()) {
	if m.probe == nil || !c.watchEnds {
		return nil
	}
	c.watch.once.Do(func() { c.watch.watcher, _ = readiness.NewWatcher() }) // without one, Get finds out
	if c.watch.watcher == nil {
		return nil
	}
	return c.watch.watcher.WatchEnd(m.probe.sock.Syscall(), func() { c.hangUp(m) })
}

// hangUp is called by the watcher when m has come to its end.
func (c *core) hangUp(m *member) {
	c.mu.Lock()
	switch {
	case c.closed: // Close sees to it, and wakes everything
	case m.state == stateIdle:
		c.evictLocked(m, CausePeerClosed, errPeerClosed)
	case m.doom == causeNone:
		m.doom = CausePeerClosed
	}
	c.unlockAndReap()
}

// close ends the watcher. None is made any more.
func (w *watch) close() {
	w.once.Do(func() {})
	if w.watcher != nil {
		_ = w.watcher.Close() // which fails only the second time
	}
}
