package aead

import (
	"io"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/readiness"
)

// This file is how bytes come into a ChunkReader's buffer, and how the buffer
// comes and goes.

// bind finds the socket under the source. It is called again and again, since
// a wrapper may become transparent when it has handed on what it held.
func (r *ChunkReader) bind() {
	if r.sock == nil && r.conn != nil {
		r.sock, _ = readiness.Of(r.conn)
	}
}

// fill reads once from the source, about limit bytes at most. Unless it may
// wait, it returns readiness.ErrWouldBlock if nothing has arrived. There must
// be no whole chunk left in the buffer, nor rest.
func (r *ChunkReader) fill(wait bool, limit int) error {
	if r.err != nil {
		return r.err
	}
	err := r.srcErr
	if err == nil {
		r.bind()
		size := max(min(r.win.Size(), limit), growth.Floor)
		switch {
		case r.sock != nil:
			err = r.fillFromSocket(wait, size)
		case wait:
			err = r.fillFromReader()
		case r.layer != nil:
			err = r.fillFromLayer(size)
		default:
			err = readiness.ErrWouldBlock
		}
	}
	if err == nil {
		r.win.Observe(r.tail)
		return nil
	}
	r.settle()
	switch {
	case err == readiness.ErrWouldBlock, isTimeout(err):
		return err
	case r.closed.Load():
		err = errClosed
	case err == io.EOF && r.inside() && !r.ended.Load():
		err = ErrTruncated
	}
	r.err = err
	return err
}

// inside reports whether more has to come.
func (r *ChunkReader) inside() bool {
	return len(r.kept) > 0 || r.framing == Records || r.opener != nil && r.opener.opened
}

func (r *ChunkReader) fillFromSocket(wait bool, size int) error {
	for {
		if wait && r.tail == r.head && len(r.kept) == 0 {
			r.drop()
			r.want = size
			b, err := r.sock.ReadReady((*readyPool)(r), size)
			r.tail = len(b)
			return err
		}
		n, err := r.sock.TryRead(r.room(size))
		r.tail += n
		if err != readiness.ErrWouldBlock || !wait {
			return err
		}
		r.settle()
		if err := r.sock.Wait(); err != nil {
			return err
		}
	}
}

// readyPool lends the buffer for a ReadReady, which returns only what it read.
type readyPool ChunkReader

func (p *readyPool) Get(n int) []byte {
	p.buf = p.win.Get(n)
	return p.buf
}

func (p *readyPool) Put([]byte) { (*ChunkReader)(p).drop() }

// fillFromReader reads from a source that may let it wait with the buffer in
// hand: so it is never larger than the floor, whatever the stream has earned.
func (r *ChunkReader) fillFromReader() error {
	for range maxEmptyReads {
		n, err := r.src.Read(r.room(growth.Floor))
		r.tail += n
		if n > 0 {
			if !isTimeout(err) {
				r.srcErr = err
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// maxEmptyReads is how often a source may return no byte and no error.
const maxEmptyReads = 100

// fillFromLayer takes what has arrived at a layer.
func (r *ChunkReader) fillFromLayer(size int) error {
	n, err := r.layer.Step((*layerSink)(r), size)
	switch {
	case n > 0:
		r.srcErr = err
		return nil
	case err != nil:
		return err
	default:
		return readiness.ErrWouldBlock
	}
}

// layerSink is a ChunkReader's buffer as what a layer writes to.
type layerSink ChunkReader

func (s *layerSink) Write(p []byte) (int, error) {
	r := (*ChunkReader)(s)
	held := r.tail - r.head + len(r.kept)
	r.need = max(r.need, held+len(p))
	n := copy(r.room(r.win.Size()), p)
	r.tail += n
	return n, nil
}

// room returns the free part of a buffer of size bytes if the budget has them,
// and in any case of r.need, with what has arrived moved to its front.
func (r *ChunkReader) room(size int) []byte {
	if r.buf != nil && (len(r.buf) < r.need || r.want < size) {
		r.settle()
	}
	if r.buf == nil {
		r.want = max(size, r.need)
		r.buf = r.win.Get(r.want)
		if len(r.buf) < r.need {
			// The budget refused, but one whole chunk must have room.
			r.win.Put(r.buf)
			r.buf = r.pool.Get(r.need)
		}
		r.tail = copy(r.buf, r.kept)
		if r.kept != nil {
			r.pool.Put(r.kept)
			r.kept = nil
		}
	} else if r.head > 0 {
		r.tail = copy(r.buf, r.buf[r.head:r.tail])
	}
	r.head = 0
	return r.buf[r.tail:]
}

// settle gives the buffer back, and keeps what is left of it, a part of one
// chunk, in memory of that size. The next buffer must hold it, and more.
func (r *ChunkReader) settle() {
	if left := r.tail - r.head; left > 0 {
		r.need = max(r.need, left+1)
		r.kept = r.pool.Get(left)
		copy(r.kept, r.buf[r.head:r.tail])
	}
	r.drop()
}

// drop gives the buffer back.
func (r *ChunkReader) drop() {
	if r.buf != nil {
		r.win.Put(r.buf)
		r.buf = nil
	}
	r.head, r.tail = 0, 0
}
