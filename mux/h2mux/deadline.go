package h2mux

import (
	"sync"
	"time"

	"github.com/headrace-go/headrace/mux"
)

// A deadline is one direction's. It has a timer only while it is set.
type deadline struct {
	s       *Session
	cond    *sync.Cond
	writer  *Stream // whose write is to be interrupted, nil for a read
	at      time.Time
	timer   *time.Timer
	expired bool
}

func (d *deadline) init(s *Session, cond *sync.Cond, writer *Stream) {
	d.s, d.cond, d.writer = s, cond, writer
}

// set changes the deadline, for calls that wait, too. The lock is held.
func (d *deadline) set(t time.Time) {
	d.at = t
	d.expired = false
	if t.IsZero() {
		d.stop()
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.expire()
		return
	}
	if d.timer == nil {
		d.timer = time.AfterFunc(wait, d.fire)
	} else {
		d.timer.Reset(wait)
	}
}

func (d *deadline) stop() {
	d.at = time.Time{}
	if d.timer != nil {
		d.timer.Stop()
	}
}

// fire is the timer's function. It may come late, for an earlier deadline.
func (d *deadline) fire() {
	d.s.mu.Lock()
	defer d.s.unlock()
	if d.at.IsZero() || time.Until(d.at) > 0 {
		return
	}
	d.expire()
}

func (d *deadline) expire() {
	d.expired = true
	d.cond.Broadcast()
	if d.writer != nil {
		d.writer.pokeWriter()
	}
}

// SetDeadline sets both deadlines.
func (st *Stream) SetDeadline(t time.Time) error { return st.setDeadlines(t, &st.readBy, &st.writeBy) }

// SetReadDeadline sets when Read fails, one that waits already too.
func (st *Stream) SetReadDeadline(t time.Time) error { return st.setDeadlines(t, &st.readBy) }

// SetWriteDeadline sets when Write fails, one that waits already too. A write
// to the connection below that is under way in somebody's Write is interrupted;
// what it has left is sent later.
func (st *Stream) SetWriteDeadline(t time.Time) error { return st.setDeadlines(t, &st.writeBy) }

func (st *Stream) setDeadlines(t time.Time, deadlines ...*deadline) error {
	st.s.mu.Lock()
	defer st.s.unlock()
	if st.closed {
		return mux.ErrClosed
	}
	for _, d := range deadlines {
		d.set(t)
	}
	return nil
}
