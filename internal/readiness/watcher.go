package readiness

import (
	"net"
	"sync"
	"syscall"
	"time"
)

// sweepEvery is how often a Watcher looks for sockets that somebody closed
// under it: the kernel drops their registrations without a word.
const sweepEvery = 15 * time.Second

// keepSlots is the size of a table that is kept when nothing is watched.
const keepSlots = 1024

// A Watcher waits for any number of idle sockets with one goroutine (on Linux;
// elsewhere with one for each). All its methods are safe for concurrent use.
type Watcher struct {
	backend backend

	mu     sync.Mutex
	slots  []slot
	free   []uint32 // indices of free slots
	live   int      // slots in use
	gen    uint32   // of the last slot taken
	sweep  *time.Timer
	closed bool
}

// A slot is one socket that is watched. Its generation tells a late event
// from one for the socket that has the slot now: descriptors are reused, and
// events outlive what they are about.
type slot struct {
	gen  uint32
	raw  syscall.RawConn
	wake func() // nil: the slot is free
}

// A ticket names one use of a slot.
type ticket struct{ index, gen uint32 }

// A backend tells its Watcher, by fire, what has happened to sockets.
type backend interface {
	// arm asks for one event about c, whose raw connection is raw.
	arm(c syscall.Conn, raw syscall.RawConn, t ticket) error
	// disarm takes that back. The event may be on its way.
	disarm(raw syscall.RawConn, t ticket)
	// close ends the backend's goroutines. All of its sockets are disarmed.
	close() error
}

// An endBackend can also wait for the end of a stream alone.
type endBackend interface {
	// armEnd is arm, but what arrives raises no event.
	armEnd(raw syscall.RawConn, t ticket) error
}

// NewWatcher returns a Watcher that watches nothing. It fails only if the
// system refuses the descriptor that it needs.
func NewWatcher() (*Watcher, error) {
	w := new(Watcher)
	b, err := newBackend(w)
	if err != nil {
		return nil, err
	}
	w.backend = b
	return w, nil
}

// Watch calls wake once, when c has something to read, an end of stream or an
// error, or when c or the Watcher is closed; it may call early. wake must not
// block. cancel may be called at any time and more than once: wake is not
// called after it, but may be under way.
//
// Watch returns nil, and never calls wake, if c cannot be watched: it is no
// socket or closed already, or the Watcher is.
func (w *Watcher) Watch(c syscall.Conn, wake func()) (cancel func()) {
	return w.watch(c, wake, func(raw syscall.RawConn, t ticket) error {
		return w.backend.arm(c, raw, t)
	})
}

// WatchEnd is Watch for the end of c alone, be it in order, a reset or a
// timeout of the kernel's: what arrives does not wake, so that c may be in use
// meanwhile. A socket has one watch, of either kind; the later one counts.
// WatchEnd returns nil on systems without epoll too: there it would take a
// goroutine that reads.
func (w *Watcher) WatchEnd(c syscall.Conn, wake func()) (cancel func()) {
	b, ok := w.backend.(endBackend)
	if !ok {
		return nil
	}
	return w.watch(c, wake, b.armEnd)
}

func (w *Watcher) watch(c syscall.Conn, wake func(), arm func(syscall.RawConn, ticket) error) (cancel func()) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	t, ok := w.take(slot{raw: raw, wake: wake})
	if !ok {
		return nil
	}
	if err := arm(raw, t); err != nil {
		w.drop(t)
		return nil
	}
	return func() {
		if w.drop(t) != nil {
			w.backend.disarm(raw, t)
		}
	}
}

// Len returns how many sockets are watched.
func (w *Watcher) Len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.live
}

// Close wakes all that are watched and ends the Watcher's goroutines. It must
// not be called from a wake function. A second Close fails with net.ErrClosed.
func (w *Watcher) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return net.ErrClosed
	}
	w.closed = true
	watched := w.slots
	w.slots, w.free, w.live = nil, nil, 0
	if w.sweep != nil {
		w.sweep.Stop()
	}
	w.mu.Unlock()
	for i, s := range watched {
		if s.wake != nil {
			w.backend.disarm(s.raw, ticket{uint32(i), s.gen})
		}
	}
	err := w.backend.close()
	for _, s := range watched {
		if s.wake != nil {
			s.wake()
		}
	}
	return err
}

// fire wakes whoever has t, unless that is over.
func (w *Watcher) fire(t ticket) {
	if wake := w.drop(t); wake != nil {
		wake()
	}
}

func (w *Watcher) take(s slot) (ticket, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ticket{}, false
	}
	var i uint32
	if n := len(w.free); n > 0 {
		i = w.free[n-1]
		w.free = w.free[:n-1]
	} else {
		i = uint32(len(w.slots))
		w.slots = append(w.slots, slot{})
	}
	w.gen++
	s.gen = w.gen
	w.slots[i] = s
	w.live++
	switch {
	case w.sweep == nil:
		w.sweep = time.AfterFunc(sweepEvery, w.sweepClosed)
	case w.live == 1:
		w.sweep.Reset(sweepEvery)
	}
	return ticket{i, s.gen}, true
}

// drop frees the slot of t and returns its wake, or nil if t is over.
func (w *Watcher) drop(t ticket) (wake func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if int(t.index) >= len(w.slots) || w.slots[t.index].gen != t.gen {
		return nil
	}
	return w.releaseLocked(t.index)
}

func (w *Watcher) releaseLocked(i uint32) (wake func()) {
	wake = w.slots[i].wake
	if wake == nil {
		return nil
	}
	w.slots[i] = slot{}
	w.free = append(w.free, i)
	if w.live--; w.live == 0 {
		w.sweep.Stop()
		if len(w.slots) > keepSlots { // a burst of idleness leaves no table behind
			w.slots, w.free = nil, nil
		}
	}
	return wake
}

// sweepClosed wakes those whose sockets were closed while they were watched.
func (w *Watcher) sweepClosed() {
	w.mu.Lock()
	var wakes []func()
	for i := range w.slots {
		if raw := w.slots[i].raw; raw != nil && raw.Control(func(uintptr) {}) != nil {
			wakes = append(wakes, w.releaseLocked(uint32(i)))
		}
	}
	if w.live > 0 {
		w.sweep.Reset(sweepEvery)
	}
	w.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}
