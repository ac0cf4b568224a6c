package vecio

import (
	"io"

	"github.com/headrace-go/headrace/internal/readiness"
)

// layered is a destination that reads for itself, to lay the bytes out as it
// needs them. Only one that also has Step is known to hold no buffer between
// calls.
type layered interface {
	io.ReaderFrom
	Stepper
}

// fillLayer moves bytes from a socket into a layer, one burst a call.
func (f *flow) fillLayer(dst layered) error {
	burst := &burst{flow: f}
	for {
		f.beginWait(f.sockIn.Conn)
		err := f.src.Wait()
		if f.endWait(err) {
			return errParked
		}
		if err != nil {
			return f.readError(err)
		}
		burst.begin(f.burst(stepMax))
		n, err := dst.ReadFrom(burst)
		f.moved(n)
		switch {
		case burst.err == io.EOF:
			if err != nil {
				return f.writeError(err)
			}
			return io.EOF
		case burst.err != nil:
			return f.readError(burst.err)
		case err != nil:
			return f.writeError(err)
		}
		f.holding.Store(false)
	}
}

// A burst is what has arrived at a socket, as a stream that ends there, or when
// the flow has moved enough for once.
type burst struct {
	flow *flow
	left int // how many bytes may still be read
	over bool
	err  error // what the socket said, other than that nothing is there
}

func (b *burst) begin(most int) { b.left, b.over, b.err = most, false, nil }

// Read and Readv read once: a short count says that there is no more.
func (b *burst) Read(p []byte) (int, error) {
	if b.over {
		return 0, io.EOF
	}
	p = p[:min(len(p), b.left)]
	n, err := b.flow.src.TryRead(p)
	return b.note(n, n == len(p), err)
}

func (b *burst) Readv(bufs [][]byte) (int, error) {
	if b.over {
		return 0, io.EOF
	}
	room := 0
	for i, p := range bufs {
		if room+len(p) > b.left {
			if i == 0 {
				return b.Read(p)
			}
			bufs = bufs[:i]
			break
		}
		room += len(p)
	}
	n, err := b.flow.src.TryReadv(bufs)
	return b.note(n, n == room, err)
}

func (b *burst) note(n int, full bool, err error) (int, error) {
	b.left -= n
	b.over = !full || err != nil || b.left == 0
	if n > 0 {
		b.flow.holding.Store(true)
	}
	if err != nil && err != readiness.ErrWouldBlock {
		b.err = err
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
