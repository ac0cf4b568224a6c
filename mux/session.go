package mux

import (
	"context"
	"net"
	"time"
)

// A Session carries streams over one connection, which it owns. Its methods are
// safe for concurrent use.
type Session interface {
	// Open returns a new stream. It waits, as long as ctx allows, only where
	// as many streams are open as the peer admits. It fails with ErrDraining
	// if no more may be opened, or with the session's error.
	Open(ctx context.Context) (Stream, error)

	// Accept waits for the next stream that the peer opens. It fails with
	// io.EOF after the peer has ended the session in good order, and otherwise
	// with the session's error.
	Accept(ctx context.Context) (Stream, error)

	// Shutdown ends the session in good order: no stream is opened any more by
	// either side, those that are open go on to their end, then the session is
	// closed. Streams still open when ctx is done are cut, and Shutdown
	// returns ctx's cause.
	Shutdown(ctx context.Context) error

	// Close ends the session at once: CloseWithError(NoError, "").
	Close() error

	// CloseWithError ends the session at once, with all its streams, and tells
	// the peer why. It returns when the session's goroutines have ended and
	// the connection is closed. On a session that has ended it returns nil and
	// does nothing.
	CloseWithError(code Code, reason string) error

	// Done returns a channel that is closed when the session has ended.
	Done() <-chan struct{}

	// Err returns nil while the session lives, then io.EOF if the peer ended
	// it in good order, ErrClosed if this side did, and otherwise a
	// *SessionError.
	Err() error

	// Load returns how busy the session is, for whoever chooses between
	// sessions. It takes no lock that a stuck connection holds.
	Load() Load

	// LocalAddr returns the local address of the connection.
	LocalAddr() net.Addr

	// RemoteAddr returns the peer's address of the connection.
	RemoteAddr() net.Addr
}

// Load is a snapshot of how busy a session is.
type Load struct {
	Streams  int           // open now, by either side
	Limit    int           // how many this side may have open at once; 0 if it opens none
	Left     int64         // how many more this side can ever open
	Queued   int64         // bytes that writers wait to get rid of
	Bytes    int64         // carried by all streams so far, both ways together
	RTT      time.Duration // smoothed round-trip time; 0 if it was not measured yet
	Draining bool          // Open fails, now and for ever
}
