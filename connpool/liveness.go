package connpool

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/headrace-go/headrace/internal/peel"
)

// A probe looks at a connection's socket from outside. It belongs to whoever
// has taken the member.
type probe struct {
	sock *peel.Socket
	// layered: the socket is below a layer like *tls.Conn, which has it by
	// NetConn. What arrives there may be the layer's own affair.
	layered bool

	seen  arrival
	call  func(fd uintptr) // peek, made once
	space bool
	room  func(fd uintptr)
}

// An arrival is what a look at a socket finds.
type arrival uint8

const (
	arrivedNothing arrival = iota
	arrivedData
	arrivedEnd // in order, by a reset or any other error
)

// newProbe returns a probe for c, or nil if it has no socket that can be seen.
func newProbe(c net.Conn) *probe {
	p := &probe{}
	sock, ok := peel.Stream(c)
	if !ok {
		layer, isLayer := c.(interface{ NetConn() net.Conn })
		if !isLayer {
			return nil
		}
		if sock, ok = peel.Stream(layer.NetConn()); !ok {
			return nil
		}
		p.layered = true
	}
	p.sock = sock
	p.call = func(fd uintptr) { p.seen = peek(fd) }
	p.room = func(fd uintptr) { p.space = writable(fd) }
	return p
}

// look is one system call if nothing has arrived.
func (p *probe) look() arrival {
	p.seen = arrivedEnd
	_ = p.sock.Raw.Control(p.call) // which fails if the socket is closed
	return p.seen
}

// writable reports whether a few bytes could be sent without waiting.
func (p *probe) writable() bool {
	p.space = false
	_ = p.sock.Raw.Control(p.room)
	return p.space
}

// examine looks at an idle connection that is about to be lent, and says why
// it cannot be, if so.
func (c *core) examine(m *member) (Cause, error) {
	if c.checkAfter < 0 {
		return c.ask(m)
	}
	if c.checkAfter > 0 && c.now()-m.idleSince < c.checkAfter {
		return c.ask(m)
	}
	if m.probe != nil {
		// A server that speaks first has a say as long as the connection is
		// new; later, what nobody has asked for is out of step.
		if cause, err := m.alive(m.uses == 1); cause != causeNone {
			return cause, err
		}
	}
	return c.ask(m)
}

func (c *core) ask(m *member) (Cause, error) {
	if c.check == nil {
		return causeNone, nil
	}
	if err := c.check(m.conn); err != nil {
		return CauseCheck, err
	}
	return causeNone, nil
}

// inspect looks at a connection that is being put back.
func (c *core) inspect(m *member) (Cause, error) {
	switch {
	case m.held.any():
		return CauseUnread, ErrUnread
	case m.probe == nil || c.checkAfter < 0:
		return causeNone, nil
	case m.probe.layered:
		// What the layer has read from the socket and not given out is seen
		// by no system call. A read whose time is over gives out just that.
		if cause, err := m.tryRead(longAgo, false); cause != causeNone {
			return cause, err
		}
	}
	return m.alive(false)
}

// longAgo is a deadline that makes reads return at once.
var longAgo = time.Unix(1, 0)

// alive looks for an end, and for data; those are in order if mayHave.
func (m *member) alive(mayHave bool) (Cause, error) {
	switch m.probe.look() {
	case arrivedNothing:
		return causeNone, nil
	case arrivedEnd:
		return CausePeerClosed, errPeerClosed
	}
	switch {
	case m.probe.layered && !m.held.any():
		return m.absorb(mayHave)
	case mayHave:
		return causeNone, nil
	}
	return CauseUnread, ErrUnread
}

// What has arrived for a layer is read for absorbFirst, and then twice as long,
// until it is gone: all of it is there, so time runs out only if the goroutine
// is held up, or if there is only a part of a record.
const (
	absorbFirst = 50 * time.Microsecond
	absorbTries = 7
)

// absorb has the layer read what has arrived: session tickets, which are none
// of the user's; an end, which its socket does not show; data, of which one
// byte is kept for the next reader if mayHave.
func (m *member) absorb(mayHave bool) (Cause, error) {
	for try := range absorbTries {
		cause, err := m.tryRead(time.Now().Add(absorbFirst<<try), mayHave)
		if cause != causeNone || m.held.any() {
			return cause, err
		}
		switch m.probe.look() {
		case arrivedNothing:
			return causeNone, nil
		case arrivedEnd:
			return CausePeerClosed, errPeerClosed
		}
	}
	return CauseUnread, ErrUnread
}

// tryRead reads one byte until a deadline. A layer that runs out of time can be
// read again: crypto/tls says so of temporary errors.
func (m *member) tryRead(deadline time.Time, mayHave bool) (Cause, error) {
	var b [1]byte
	if err := m.conn.SetReadDeadline(deadline); err != nil {
		return CauseSpent, err
	}
	n, err := m.conn.Read(b[:])
	switch {
	case n > 0 && !mayHave:
		return CauseUnread, ErrUnread
	case n > 0:
		m.held.put(b[0])
	case errors.Is(err, os.ErrDeadlineExceeded), err == nil:
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return CausePeerClosed, errPeerClosed
	default:
		return CauseSpent, err
	}
	if err := m.conn.SetReadDeadline(time.Time{}); err != nil {
		return CauseSpent, err
	}
	return causeNone, nil
}
