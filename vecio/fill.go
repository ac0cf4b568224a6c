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
		if err := f.awaitSource(); err != nil {
			return err
		}
		if f.crowded() {
			f.awaitRoom()
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
	flow  *flow
	left  int // how many bytes may still be read
	over  bool
	begun bool  // it has been read from
	err   error // what the socket said, other than that nothing is there
}

func (b *burst) begin(most int) { b.left, b.over, b.begun, b.err = most, false, false, nil }

// Read and Readv read once: a short count says that there is no more.
func (b *burst) Read(p []byte) (int, error) {
	if b.ends() {
		return 0, io.EOF
	}
	return b.read(p)
}

func (b *burst) read(p []byte) (int, error) {
	p = p[:min(len(p), b.left)]
	n, err := b.flow.src.TryRead(p)
	return b.note(n, n == len(p), err)
}

// ends reports whether the stream ends before anything is read. Behind its first
// read that may also be because the layer's connection has no room.
func (b *burst) ends() bool {
	b.over = b.over || b.begun && b.flow.crowded()
	return b.over
}

func (b *burst) Readv(bufs [][]byte) (int, error) {
	if b.ends() {
		return 0, io.EOF
	}
	size := 0
	for i, p := range bufs {
		if size+len(p) > b.left {
			if i == 0 {
				return b.read(p)
			}
			bufs = bufs[:i]
			break
		}
		size += len(p)
	}
	n, err := b.flow.src.TryReadv(bufs)
	return b.note(n, n == size, err)
}

func (b *burst) note(n int, full bool, err error) (int, error) {
	b.left -= n
	b.begun, b.flow.eager = true, full
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
