package h2mux

import (
	"encoding/binary"
	"time"

	"github.com/headrace-go/headrace/mux"
)

// A keepAlive asks a silent peer for a sign of life, while streams are open. It
// has a timer only then.
type keepAlive struct {
	timer   *time.Timer
	running bool
	heard   uint32 // Session.heard when the timer was set
	asked   bool
}

func (k *keepAlive) start(s *Session) {
	if k.running || s.cfg.KeepAlive == 0 {
		return
	}
	k.running, k.asked, k.heard = true, false, s.heard
	if k.timer == nil {
		k.timer = time.AfterFunc(s.cfg.KeepAlive, s.checkAlive)
	} else {
		k.timer.Reset(s.cfg.KeepAlive)
	}
}

func (k *keepAlive) stop() {
	k.running = false
	if k.timer != nil {
		k.timer.Stop()
	}
}

// checkAlive is the timer's function.
func (s *Session) checkAlive() {
	s.mu.Lock()
	defer s.unlock()
	k := &s.alive
	switch {
	case !k.running || s.err != nil:
	case len(s.streams) == 0:
		k.running = false
	case k.heard != s.heard:
		k.heard, k.asked = s.heard, false
		k.timer.Reset(s.cfg.KeepAlive)
	case k.asked:
		s.fail(&mux.SessionError{Err: mux.ErrSilent})
	default:
		k.asked = true
		s.ping(pingAlive)
		k.timer.Reset(s.cfg.KeepAliveTimeout)
		s.nudge()
	}
}

// What a PING of ours is for, in its highest byte.
const (
	pingRTT = iota
	pingAlive
	pingDrain
	pingCall
)

// rtt is what PINGs have found out about the way to the peer and back.
type rtt struct {
	smooth time.Duration
	least  time.Duration
	sent   time.Time // of what is not answered yet
	number uint64    // of the last PING, 0 if that was SETTINGS
	next   time.Time // when another measurement is worth its while
	wait   time.Duration
}

const (
	measureFirst = 100 * time.Millisecond
	measureLast  = 10 * time.Second
)

// ping sends a PING. Only one is measured at a time.
func (s *Session) ping(purpose uint64) {
	r := &s.rtt
	r.number++
	r.sent = time.Now()
	s.sendPing(0, purpose<<56|r.number)
}

// measure sends a PING if it is time for one. It is called only when bytes have
// arrived, so that an idle session sends none, and ever more rarely, since
// servers police PINGs.
func (s *Session) measure(now time.Time) {
	r := &s.rtt
	if !r.sent.IsZero() || now.Before(r.next) {
		return
	}
	r.wait = min(max(2*r.wait, measureFirst), measureLast)
	r.next = now.Add(r.wait)
	s.ping(pingRTT)
}

// sample takes a measurement in that has come to its end. The first one is of
// SETTINGS and their acknowledgement, before there are bytes to wait behind.
func (r *rtt) sample() {
	took := max(time.Since(r.sent), time.Microsecond)
	if r.smooth == 0 {
		r.smooth, r.least = took, took
	}
	r.smooth += (took - r.smooth) / 8
	r.least = min(r.least, took)
	r.sent = time.Time{}
}

// short reports whether the peer is near: then it is the scheduler that makes
// round trips long.
func (r *rtt) short() bool { return 0 < r.least && r.least < time.Millisecond }

// twice returns what two round trips take. On a long way it is those of now, but
// no more than four of the shortest, since a queue of our own making is among
// what makes them long.
func (r *rtt) twice() time.Duration {
	if r.short() {
		return 2 * r.least
	}
	return min(2*r.smooth, 4*r.least)
}

func (s *Session) onPing(e event) error {
	data := binary.BigEndian.Uint64(e.payload)
	if !e.has(flagAck) {
		if err := s.limits.pings.fill(); err != nil {
			return err
		}
		s.sendPing(flagAck, data)
		return nil
	}
	if data<<8>>8 == s.rtt.number && !s.rtt.sent.IsZero() {
		s.rtt.sample()
	}
	switch data >> 56 {
	case pingDrain:
		s.drain.answered = true
		s.drain.quiet.Broadcast()
	case pingCall:
		s.pingAnswered(data << 8 >> 8)
	}
	return nil
}
