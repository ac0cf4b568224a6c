package mux

import "net"

// A Stream is one byte stream each way between the two sides of a session. Its
// methods are safe for concurrent use.
//
// Read returns io.EOF after the peer's CloseWrite or Close, a *StreamError after
// a reset by either side, and the session's error after that has ended. Bytes
// that came before an end of stream can always be read. Write returns when the
// slice is not needed any more; what it has accepted may still be on its way.
// Deadlines hold for calls that wait already, too; their errors match
// os.ErrDeadlineExceeded, and the stream can be used on.
//
// An idle stream holds no buffer, no goroutine and, without a deadline, no
// timer.
//
// Implementations may have more methods, and callers ask for them by interface:
// io.ReaderFrom and io.WriterTo; Writev([][]byte) (int64, error) for gathered
// writes; Step(io.Writer, int) (int64, error) and Ready for relays, or ReadReady
// where nothing can be watched; Abort() error, which is Reset(Cancel);
// Prioritizer.
type Stream interface {
	net.Conn

	// CloseWrite ends the direction to the peer, behind all that was written.
	// Later writes fail with ErrWriteClosed.
	CloseWrite() error

	// CloseRead drops what has arrived and what will. Later reads return
	// io.EOF.
	CloseRead() error

	// Reset abandons both directions. Calls on this side, those that wait too,
	// fail with a *StreamError; so do the peer's, with the same code. A stream
	// that has ended both ways is not changed. The error is about a code that
	// the protocol cannot carry.
	Reset(code Code) error
}

// A Prioritizer is a stream whose bytes can be sent before those of others.
type Prioritizer interface {
	// SetPriority sets how urgent the stream is, from 0, before all others, to
	// 7; streams begin with 3. Streams of equal urgency share the connection
	// equally, byte by byte. The peer is told, if the protocol can, so that it
	// may do the same. Source: RFC 9218, section 4.1.
	SetPriority(urgency int) error
}
