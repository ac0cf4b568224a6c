package quicmux

import (
	"sync"

	"github.com/quic-go/quic-go"
)

// windows keeps the account of what the windows of some connections have grown
// by, with a budget that may be nil.
type windows struct {
	budget Budget

	mu    sync.Mutex
	grown map[*quic.Conn]int
}

// grow is called by quic-go, which must not be called back from here.
func (w *windows) grow(c *quic.Conn, delta uint64) bool {
	if w.budget == nil {
		return true
	}
	if delta > 1<<30 || !w.budget.TryReserve(int(delta)) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.grown == nil {
		w.grown = map[*quic.Conn]int{}
	}
	w.grown[c] += int(delta)
	return true
}

// release gives back what c's window has grown by. It is called once, when c
// has ended.
func (w *windows) release(c *quic.Conn) {
	if w.budget == nil {
		return
	}
	w.mu.Lock()
	n := w.grown[c]
	delete(w.grown, c)
	w.mu.Unlock()
	if n > 0 {
		w.budget.Release(n)
	}
}
