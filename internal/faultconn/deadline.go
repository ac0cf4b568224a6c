package faultconn

import (
	"sync"
	"time"
)

// A deadline tells waiters on cond when its time has come. Its methods and
// fields belong to whoever holds cond.L.
type deadline struct {
	timer   *time.Timer
	expired bool
}

// set moves the deadline to t and wakes the waiters if that is in the past.
// The zero time means never.
func (d *deadline) set(cond *sync.Cond, t time.Time) {
	d.stop()
	d.expired = false
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.expired = true
		cond.Broadcast()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		cond.L.Lock()
		defer cond.L.Unlock()
		// A timer that fired while set or stop held the lock is out of date.
		if d.timer == timer {
			d.expired = true
			cond.Broadcast()
		}
	})
	d.timer = timer
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
