package vecio

import (
	"io"
	"syscall"

	"github.com/headrace-go/headrace/internal/growth"
)

// A Stepper is a layer above a connection, such as a cipher stream, that can
// hand on what has arrived without waiting for more. If it has Trim(), a relay
// that parks calls that before Ready: the layer will be idle for a while, and
// may give up what it can make anew. If it also has ReadFrom and NetConn(), a
// relay takes the latter for the socket that it writes to, and leaves bytes for
// it in the kernel while that has no room. One that finds out at run time that it
// cannot step says why by CannotStep() string, empty if it can, for Explain.
type Stepper interface {
	// Step writes what has arrived to dst, about max bytes at most, and
	// never waits for more; it may wait for dst. It returns 0 and nil if
	// nothing has arrived, and io.EOF at the end of the stream.
	Step(dst io.Writer, max int) (int64, error)
	// Ready arranges for one call of wake when Step may have more: by
	// handing the connection below to watch, or by calling wake itself. It
	// returns nil if it can do neither; then Read must be used to wait.
	Ready(watch interface {
		Watch(c syscall.Conn, wake func()) (cancel func())
	}, wake func()) (cancel func())
}

// stepMax bounds one Step, so that counts and the idle clock stay live.
const stepMax = 1 << 20

// briefStep is so little that another Step would hardly find more. Whoever waits
// looks before he sleeps, so nothing is missed.
const briefStep = growth.Least

// fromStepper moves bytes from a layer that hands on what has arrived.
func (f *flow) fromStepper(src Stepper) error {
	to := sink{flow: f}
	var dst io.Writer = &to
	if f.dst == nil {
		dst = f.dest()
	}
	wait := newWaiter(f)
	most := stepMax
	for brief := false; ; {
		crowded := f.crowded()
		if brief || crowded {
			switch ok, err := wait.wait(src); {
			case err == errParked:
				return err
			case err != nil:
				return f.readError(err)
			case !ok:
				return f.fromReader()
			}
		}
		if crowded {
			f.awaitRoom()
		}
		n, err := src.Step(dst, f.burst(most))
		brief, f.eager = n < briefStep, n >= manyBytes
		if f.dst != nil {
			f.moved(to.count())
		} else {
			f.moved(n)
		}
		most = stepMax
		if to.rest != nil {
			most = growth.Floor // what this destination does not take has to be kept
			if cancel := src.Ready(wait, func() {}); cancel != nil {
				cancel() // the layer holds no buffer now
			}
			_ = to.flush()
			f.moved(to.count())
		}
		switch {
		case f.writeErr != nil:
			return f.writeError(f.writeErr)
		case err != nil:
			return f.readError(err)
		}
	}
}

// A sink is the socket that a Stepper writes to. Of what the socket does not
// take at once it keeps a copy, as long as that is little: so the Stepper gets
// its buffer back, and does not wait with it in hand.
type sink struct {
	flow *flow
	one  [1][]byte
	rest []byte // accepted, and not written yet; lent by the flow's window
	sent int64  // written, and not counted yet
}

// count returns what has been written since it was asked last.
func (s *sink) count() int64 {
	n := s.sent
	s.sent = 0
	return n
}

func (s *sink) Write(b []byte) (int, error) {
	s.one[0] = b
	n, err := s.Writev(s.one[:])
	s.one[0] = nil
	return int(n), err
}

func (s *sink) Writev(bufs [][]byte) (int64, error) {
	f := s.flow
	f.holding.Store(true)
	if s.rest != nil {
		if err := s.flush(); err != nil {
			return 0, err
		}
		f.holding.Store(true)
	}
	n, rest, err := f.dst.WritevOrKeep(bufs, &f.window, growth.Floor)
	s.sent += n
	s.rest = rest
	switch {
	case err != nil:
		f.writeErr = err
	case rest == nil:
		f.holding.Store(false)
	}
	return n + int64(len(rest)), err
}

// flush writes what was kept.
func (s *sink) flush() error {
	f, rest := s.flow, s.rest
	s.rest = nil
	n, err := f.dst.Drain(&f.window, rest, rest)
	s.sent += n
	if err != nil {
		f.writeErr = err
		return err
	}
	f.holding.Store(false)
	return nil
}
