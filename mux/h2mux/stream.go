package h2mux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/mux"
)

// A Stream is one request and its answer; for a CONNECT, a tunnel. It is a
// mux.Stream, with its optional methods. Whoever has one must close it.
type Stream struct {
	s  *Session
	id uint32 // 0: the peer does not know of it yet

	// Everything below is guarded by s.mu.
	request  Request
	response Response
	visible  bool      // the HEADERS of the request are queued, or have come
	answered bool      // those of the response
	closed   bool      // Close was called
	gone     bool      // the session has forgotten it
	lingers  time.Time // since when its peer is waited for

	// Receiving.
	in         queue
	win        window
	arrived    int64 // payload of the frame that is coming in
	short      bool  // the last frame that came was
	declared   int64 // what content-length says is still to come; -1: nothing
	remoteEnd  bool  // END_STREAM has come
	readClosed bool
	readErr    error // why no more will come, behind what is in the queue
	readable   sync.Cond
	readBy     deadline
	onReady    func()

	// Sending.
	out      [][]byte // what a writer wants to send
	one      [1][]byte
	skip     int // bytes of out[0] that are on their way
	left     int // bytes that are not
	busy     int // bytes that somebody is writing from out
	cut      int // bytes that will not be sent
	writing  bool
	credit   int64
	fin      bool // CloseWrite was called
	finSent  bool // and END_STREAM is queued, or on its way
	writeErr error
	writable sync.Cond
	writeBy  deadline
	turn     turn
	fill     *growth.Window // ReadFrom's, between two of them
}

var (
	_ mux.Session     = (*Session)(nil)
	_ mux.Stream      = (*Stream)(nil)
	_ mux.Prioritizer = (*Stream)(nil)
)

func (s *Session) newStream() *Stream {
	st := &Stream{s: s, declared: -1, credit: s.initial}
	st.win.avail, st.win.target = s.floor, s.floor
	st.readable.L, st.writable.L = &s.mu, &s.mu
	st.readBy.init(s, &st.readable, nil)
	st.writeBy.init(s, &st.writable, st)
	st.turn.urgency = defaultUrgency
	return st
}

// enter makes the session know st by its id.
func (s *Session) enter(st *Stream) {
	s.streams[st.id] = st
	if !s.client {
		s.open++
	}
	s.alive.start(s)
}

// remove makes the session forget st, which can no more send or receive.
func (s *Session) remove(st *Stream) {
	if st.gone {
		return
	}
	st.gone = true
	delete(s.streams, st.id)
	if st.remoteEnd {
		s.recent.add(st.id, false)
	}
	if s.current == st {
		s.current = nil
	}
	if !st.lingers.IsZero() {
		s.lingering--
	}
	s.sched.forget(st)
	st.win.avail, st.win.target = 0, s.floor
	s.settle(&st.win)
	s.leave(st)
	if len(s.streams) == 0 {
		s.drain.quiet.Broadcast()
	}
}

// leave gives the place of st to another stream: a client's when the protocol
// says so, a server's when its owner has let go as well.
func (s *Session) leave(st *Stream) {
	if st.gone && (s.client || st.closed) {
		s.open--
		s.slots.Signal()
	}
}

// ID returns the stream's number, 0 while the peer does not know of it.
func (st *Stream) ID() uint32 {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	return st.id
}

// Request returns what the stream was opened with.
func (st *Stream) Request() Request { return st.request }

// LocalAddr returns the local address of the connection.
func (st *Stream) LocalAddr() net.Addr { return st.s.LocalAddr() }

// RemoteAddr returns the peer's address of the connection.
func (st *Stream) RemoteAddr() net.Addr { return st.s.RemoteAddr() }

// show makes the peer know of the stream: a client's request is sent, or the
// answer of a server.
func (st *Stream) show() error {
	s := st.s
	switch {
	case s.client && !st.visible:
		err := s.err
		if err == nil && s.drain.told {
			err = mux.ErrDraining
		}
		if err != nil {
			// The session does not know st, so that nobody has told it.
			st.resetBy(err)
			s.abandonUnseen(st)
			return err
		}
		st.visible = true
		st.id = s.nextID
		s.nextID += 2
		s.drain.unnumbered--
		st.credit = s.initial
		s.enter(st)
		st.finSent = st.fin
		s.sendRequest(st)
	case !s.client && !st.answered:
		return st.answer(200, nil, st.fin)
	}
	return nil
}

// abandonUnseen forgets a stream that its peer does not know of.
func (s *Session) abandonUnseen(st *Stream) {
	if st.gone {
		return
	}
	st.gone = true
	s.drain.unnumbered--
	s.leave(st)
	if len(s.streams) == 0 {
		s.drain.quiet.Broadcast()
	}
}

// answer queues the HEADERS of the response.
func (st *Stream) answer(status int, fields []Field, end bool) error {
	if st.s.err != nil {
		return st.s.err
	}
	if st.answered || st.gone {
		return errors.New("h2mux: the stream is answered already")
	}
	st.answered = true
	st.response = Response{Status: status, Header: fields}
	st.s.sendResponse(st, end)
	if end {
		st.fin = true
		st.s.localEnded(st)
	}
	return nil
}

// Respond answers the request of a stream that was accepted. Without it the
// first Write, CloseWrite or Close answers with 200, and so does the first Read
// of a CONNECT.
func (st *Stream) Respond(status int, fields ...Field) error {
	return st.respond(status, fields, false)
}

// Refuse answers the request with a status other than 2xx, and closes the
// stream.
func (st *Stream) Refuse(status int, fields ...Field) error {
	if status/100 == 2 {
		return fmt.Errorf("h2mux: status %d refuses nothing", status)
	}
	return st.respond(status, fields, true)
}

func (st *Stream) respond(status int, fields []Field, end bool) error {
	if status < 200 || status > 999 {
		return fmt.Errorf("h2mux: invalid status %d", status)
	}
	if err := checkFields(fields); err != nil {
		return err
	}
	s := st.s
	if s.client {
		return fmt.Errorf("h2mux: Respond on a stream that was opened here: %w", errors.ErrUnsupported)
	}
	s.mu.Lock()
	defer s.unlock()
	if st.writeErr != nil {
		return st.writeErr
	}
	if err := st.answer(status, fields, end); err != nil {
		return err
	}
	if end {
		st.closeLocked()
	}
	s.nudge()
	return nil
}

// Established makes the peer know of a stream that was opened here, waits for
// the answer, and returns it. If that is no 2xx to a CONNECT, the error is a
// *StatusError.
func (st *Stream) Established(ctx context.Context) (Response, error) {
	s := st.s
	if !s.client {
		return Response{}, fmt.Errorf("h2mux: Established on a stream that was accepted: %w", errors.ErrUnsupported)
	}
	s.mu.Lock()
	defer s.unlock()
	if st.writeErr == nil {
		if err := st.show(); err != nil {
			return Response{}, err
		}
	}
	err := s.wait(ctx, &st.readable, func() bool { return st.answered || st.readErr != nil || st.readClosed })
	var refused *StatusError
	switch {
	case errors.As(st.readErr, &refused):
		return st.response, refused
	case st.answered:
		return st.response, nil
	case err != nil:
		return Response{}, err
	case st.readErr != nil:
		return Response{}, st.readErr
	}
	return Response{}, mux.ErrClosed
}

// wait waits on cond until done or ctx is.
func (s *Session) wait(ctx context.Context, cond *sync.Cond, done func() bool) error {
	if done() {
		return nil
	}
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		cond.Broadcast()
	})
	defer stop()
	for !done() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !s.flushNow() {
			cond.Wait()
		}
	}
	return nil
}

// SetPriority sets how urgent the stream is; see mux.Prioritizer.
func (st *Stream) SetPriority(urgency int) error {
	if urgency < 0 || urgency >= urgencies {
		return fmt.Errorf("h2mux: urgency %d is not between 0 and 7", urgency)
	}
	s := st.s
	s.mu.Lock()
	defer s.unlock()
	if uint8(urgency) == st.turn.urgency {
		return nil
	}
	s.sched.move(st, uint8(urgency))
	if s.client && st.visible && !st.gone {
		s.sendPriority(st)
		s.nudge()
	}
	return nil
}
