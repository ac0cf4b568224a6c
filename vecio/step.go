package vecio

import (
	"io"
	"syscall"
)

// A Stepper is a layer above a connection, such as a cipher stream, that can
// hand on what has arrived without waiting for more.
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

// fromStepper moves bytes from a layer that hands on what has arrived.
func (f *flow) fromStepper(src Stepper) error {
	var dst io.Writer = f.dest()
	if f.dst != nil {
		dst = &sink{flow: f}
	}
	wait := newWaiter(f)
	for {
		n, err := src.Step(dst, f.burst(stepMax))
		f.moved(n)
		switch {
		case f.writeErr != nil:
			return f.writeError(f.writeErr)
		case err != nil:
			return f.readError(err)
		case n > 0:
			continue
		}
		switch ok, err := wait.wait(src); {
		case err == errParked:
			return err
		case err != nil:
			return f.readError(err)
		case !ok:
			return f.fromReader()
		}
	}
}

// A sink is the socket that a Stepper writes to.
type sink struct{ flow *flow }

func (s *sink) Write(b []byte) (int, error) {
	s.flow.holding.Store(true)
	n, err := s.flow.dst.Write(b)
	s.note(err)
	return n, err
}

func (s *sink) Writev(bufs [][]byte) (int64, error) {
	s.flow.holding.Store(true)
	n, err := s.flow.dst.Writev(bufs)
	s.note(err)
	return n, err
}

func (s *sink) note(err error) {
	if err != nil {
		s.flow.writeErr = err
		return
	}
	s.flow.holding.Store(false)
}
