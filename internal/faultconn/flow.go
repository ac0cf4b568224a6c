package faultconn

import (
	"io"
	"os"
	"sync"
	"time"
)

// A flow is one direction of a pair: a bounded ring of bytes between one
// writing and one reading end.
type flow struct {
	mu   sync.Mutex
	cond sync.Cond

	ring    []byte
	start   int // of the bytes in flight
	n       int // bytes in flight
	writing bool

	eof      bool  // no more bytes will come; those in flight can be read
	readErr  error // what every further read returns, at once
	writeErr error // what every further write returns, at once

	readDeadline, writeDeadline deadline
}

func newFlow(capacity int) *flow {
	f := &flow{ring: make([]byte, capacity)}
	f.cond.L = &f.mu
	return f
}

func (f *flow) read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.readErr != nil:
			return 0, f.readErr
		case f.readDeadline.expired:
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case f.n > 0:
			return f.take(p), nil
		case f.eof:
			return 0, io.EOF
		}
		f.cond.Wait()
	}
}

// write puts all of p into the ring, waiting for room. Writes are whole: bytes
// of two concurrent ones do not mix.
func (f *flow) write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	written, mine := 0, false
	for {
		switch {
		case f.writeErr != nil:
			f.endWrite(mine)
			return written, f.writeErr
		case f.writeDeadline.expired:
			f.endWrite(mine)
			return written, os.ErrDeadlineExceeded
		case written == len(p):
			f.endWrite(mine)
			return written, nil
		case !mine && !f.writing:
			f.writing, mine = true, true
			continue
		case mine && f.n < len(f.ring):
			written += f.give(p[written:])
			continue
		}
		f.cond.Wait()
	}
}

func (f *flow) endWrite(mine bool) {
	if mine {
		f.writing = false
		f.cond.Broadcast()
	}
}

// take moves as many bytes as there are from the ring to p.
func (f *flow) take(p []byte) int {
	n := min(len(p), f.n)
	m := copy(p[:n], f.ring[f.start:])
	copy(p[m:n], f.ring)
	f.start = (f.start + n) % len(f.ring)
	f.n -= n
	f.cond.Broadcast()
	return n
}

// give moves as many bytes as fit from p to the ring.
func (f *flow) give(p []byte) int {
	n := min(len(p), len(f.ring)-f.n)
	end := (f.start + f.n) % len(f.ring)
	m := copy(f.ring[end:], p[:n])
	copy(f.ring, p[m:n])
	f.n += n
	f.cond.Broadcast()
	return n
}

// stopWriting ends the flow from its writing end: the reader gets what is in
// flight and then io.EOF, the writer err.
func (f *flow) stopWriting(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.eof = true
	f.writeErr = err
	f.cond.Broadcast()
}

// stopReading ends the flow from its reading end: what is in flight is lost.
// A writer that has already ended keeps its own error.
func (f *flow) stopReading(readErr, writeErr error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n = 0
	f.readErr = readErr
	if f.writeErr == nil {
		f.writeErr = writeErr
	}
	f.cond.Broadcast()
}

// abort ends the flow from its writing end, at once for both: what is in
// flight is lost. A reader that has already ended keeps its own error.
func (f *flow) abort(readErr, writeErr error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n = 0
	f.writeErr = writeErr
	if f.readErr == nil {
		f.readErr = readErr
	}
	f.cond.Broadcast()
}

func (f *flow) setReadDeadline(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readDeadline.set(&f.cond, t)
}

func (f *flow) setWriteDeadline(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writeDeadline.set(&f.cond, t)
}
