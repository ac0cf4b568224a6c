package vecio

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/headrace-go/headrace/internal/growth"
)

// canSplice: bulk may go from socket to socket inside the kernel.
const canSplice = true

const (
	// A flow is bulk after bulkProof bytes have come in reads of bulkRead or
	// more, or of all that was asked for, one after the other. For less, a splice
	// costs more than the copies that it saves.
	bulkRead  = growth.Floor
	bulkProof = 128 << 10

	// starvedProof is what a flow that got no pipe has to prove anew.
	starvedProof = 16 << 20

	// A spliced flow is bulk no more after thinBursts moves in a row of less
	// than thinMove bytes.
	thinMove   = 16 << 10
	thinBursts = 8
)

// looksBulk takes note of a burst of n bytes, which is full if it was not
// allowed to be longer, and reports whether the flow should now be spliced.
func (f *flow) looksBulk(n int, full bool) bool {
	if n < bulkRead && !full || f.dst == nil || f.r.cfg.NoSplice {
		f.bulk = min(f.bulk, 0)
		return false
	}
	f.bulk += n
	return f.bulk >= bulkProof
}

// splice moves bytes from socket to socket through a pipe, as long as the
// flow is bulk and there is a pipe to be had. It returns nil to go on copying.
func (f *flow) splice() error {
	f.bulk = 0
	s := &splicer{}
	fill, drain := s.fill, s.drain
	defer func() { s.giveBack() }()
	for thin := 0; thin < thinBursts; {
		s.most = f.burst(pipeSize)
		f.beginWait(f.sockIn.Conn)
		err := f.sockIn.Raw.Read(fill)
		if f.endWait(err) && s.held == 0 {
			return errParked
		}
		if err != nil {
			return f.readError(err)
		}
		n := s.held
		switch {
		case s.starved:
			f.bulk = bulkProof - starvedProof
			return nil
		case s.err != nil:
			return f.readError(os.NewSyscallError("splice", s.err))
		case n == 0:
			return io.EOF
		}
		f.sockIn.Moved(int64(n), 0)
		f.holding.Store(true)
		err = f.sockTo.Raw.Write(drain)
		sent := int64(n - s.held)
		f.sockTo.Moved(0, sent)
		f.stats.Spliced += sent
		if s.most < pipeSize && s.held == 0 {
			s.giveBack() // the Meter may pause the flow
		}
		f.moved(sent)
		if err == nil && s.err != nil {
			err = os.NewSyscallError("splice", s.err)
		}
		if err != nil {
			return f.writeError(err)
		}
		f.holding.Store(false)
		if thin++; n >= thinMove {
			thin = 0
		}
	}
	return nil
}

// A splicer is one flow's use of a pipe.
type splicer struct {
	pipe    *pipe // nil while nothing is there to be moved
	held    int   // bytes in the pipe
	most    int   // bytes that may be moved at once
	starved bool  // no pipe was to be had
	err     error
}

// fill moves what has arrived into a pipe. It waits without one.
func (s *splicer) fill(fd uintptr) bool {
	if s.pipe == nil {
		if s.pipe = relays.takePipe(); s.pipe == nil {
			s.starved = true
			return true
		}
	}
	s.held, s.err = spliceOnce(int(fd), s.pipe.w, min(s.pipe.size, s.most))
	if s.err == unix.EAGAIN { // the pipe is empty, so it is the socket that has no more
		s.giveBack()
		return false
	}
	return true
}

// drain moves the pipe's bytes on, all of them.
func (s *splicer) drain(fd uintptr) bool {
	for s.held > 0 {
		var n int
		if n, s.err = spliceOnce(s.pipe.r, int(fd), s.held); s.err != nil {
			return s.err != unix.EAGAIN
		}
		s.held -= n
	}
	return true
}

// giveBack returns the pipe, or ends it if it still holds bytes.
func (s *splicer) giveBack() {
	if s.pipe != nil {
		relays.putPipe(s.pipe, s.held > 0)
		s.pipe = nil
	}
}

func spliceOnce(from, to, most int) (int, error) {
	for {
		// No SPLICE_F_MORE: it would hold the last bytes of a reply back.
		n, err := unix.Splice(from, nil, to, nil, most, unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
		if err != unix.EINTR {
			return max(int(n), 0), err
		}
	}
}
