package vecio

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
)

// A flow whose relay is idle gives up its goroutine, and gets a new one when
// its source has something to read. The relay's timer asks for it: it kicks
// the wait under way by a deadline in the past, so that a flow that moves
// bytes pays for parking with two uncontended locks a wait and nothing else.

// errParked ends a flow's goroutine, not the flow.
var errParked = errors.New("vecio: parked")

// A berth is where a flow waits.
type berth struct {
	mu      sync.Mutex
	waiting kicker // the wait under way, nil if there is none
	kicked  bool   // that wait was asked to end
	parked  bool   // there is no goroutine
	cancel  func() // takes the watch of a parked flow back
	refused bool   // the source cannot be watched, or has ended
}

// A kicker is a wait that can be cut short, and made whole again.
type kicker interface{ SetReadDeadline(time.Time) error }

var longAgo = time.Unix(1, 0)

// beginWait is called in front of a wait that k can cut short.
func (f *flow) beginWait(k kicker) {
	if f.r.cfg.Parker == nil || f.berth.refused {
		return
	}
	f.berth.mu.Lock()
	f.berth.waiting = k
	f.berth.mu.Unlock()
}

// endWait is called behind it, with what the wait said. It reports whether
// the flow should park now.
func (f *flow) endWait(err error) (park bool) {
	if f.r.cfg.Parker == nil || f.berth.refused {
		return false
	}
	f.berth.mu.Lock()
	k, kicked := f.berth.waiting, f.berth.kicked
	f.berth.waiting, f.berth.kicked = nil, false
	f.berth.mu.Unlock()
	if !kicked {
		return false
	}
	_ = k.SetReadDeadline(time.Time{})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		f.r.expectIdle() // something came in the same moment
		return false
	}
	return true
}

// kick asks the flow to park, if it is waiting. It reports whether there is
// nothing more to ask for: a flow that is at work may wait later.
func (f *flow) kick() (settled bool) {
	b := &f.berth
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting != nil && !b.kicked {
		b.kicked = true
		_ = b.waiting.SetReadDeadline(longAgo)
	}
	return b.kicked || b.parked || b.refused
}

// refuse makes the flow keep its goroutine from now on.
func (f *flow) refuse() {
	f.berth.mu.Lock()
	f.berth.refused = true
	f.berth.mu.Unlock()
}

// park hands the flow to the Parker. It reports false if the flow needs its
// goroutine after all.
func (f *flow) park() bool {
	var c syscall.Conn // nil: the source is a layer
	if f.src != nil {
		c = f.src.Conn()
	}
	if t, ok := f.source().(interface{ Trim() }); ok {
		t.Trim()
	}
	f.unbind()
	f.r.parking.Lock()
	defer f.r.parking.Unlock()
	b := &f.berth
	b.mu.Lock()
	b.parked = true
	b.mu.Unlock()
	// From here on unpark may start another goroutine at any time.
	cancel := f.watch(c)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.parked:
		if cancel != nil {
			cancel()
		}
		return true
	case cancel == nil:
		b.parked, b.refused = false, true
		return false
	}
	b.cancel = cancel
	return true
}

// watch asks the Parker, through the source's layers, for one call of unpark.
func (f *flow) watch(c syscall.Conn) (cancel func()) {
	if c != nil {
		return f.r.cfg.Parker.Watch(c, f.unpark)
	}
	if s, ok := f.source().(Stepper); ok {
		return s.Ready(f.r.cfg.Parker, f.unpark)
	}
	return nil
}

// unpark gives a parked flow its goroutine back. It does nothing for any other.
func (f *flow) unpark() {
	b := &f.berth
	b.mu.Lock()
	parked, cancel := b.parked, b.cancel
	b.parked, b.cancel = false, nil
	b.mu.Unlock()
	if !parked {
		return
	}
	if cancel != nil {
		cancel()
	}
	f.r.expectIdle()
	go f.run()
}
