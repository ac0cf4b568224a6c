package connpool

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// ErrClosed: the Pool is closed, or the Conn was given back, discarded or
// hijacked. It matches net.ErrClosed under errors.Is.
var ErrClosed = fmt.Errorf("connpool: closed: %w", net.ErrClosed)

// ErrBroken: the key's dials have failed so often in a row that the next one
// waits for its time, and who asks meanwhile is refused at once. It comes in a
// DialError, together with the error of the last dial.
var ErrBroken = errors.New("connpool: dials to this key fail, no new one is tried yet")

// ErrUnread: the connection had unread data, and was closed: whoever got it
// next would have taken them for an answer.
var ErrUnread = errors.New("connpool: connection put back with unread data")

// ErrInUse: the connection was put back while a call on it was under way, and
// was closed: the call might have taken the next user's bytes.
var ErrInUse = errors.New("connpool: connection put back while in use")

// ErrSpent: the connection was put back after a read or a write on it had
// failed, or with a direction closed, and was closed.
var ErrSpent = errors.New("connpool: connection put back after its end")

// errPeerClosed: the peer has ended the connection.
var errPeerClosed = errors.New("connpool: closed by the peer while idle")

// errNoConn: Config.Dial returned neither a connection nor an error.
var errNoConn = errors.New("connpool: Dial returned no connection")

// A DialError reports which key could not be dialed, and why.
type DialError struct {
	Key any // of the Pool's key type
	// Retry is when the key is dialed again, at the earliest; it may be past.
	Retry time.Time
	Err   error
}

// Error names the key, and says why the dial failed.
func (e *DialError) Error() string { return fmt.Sprintf("connpool: dial %v: %v", e.Key, e.Err) }

// Unwrap returns Err.
func (e *DialError) Unwrap() error { return e.Err }

// Temporary is what net.Error asks for: there may be better times.
func (e *DialError) Temporary() bool { return true }

// Timeout reports whether the dial ran out of time.
func (e *DialError) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}
