package vecio

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/headrace-go/headrace/internal/peel"
)

// Prefixed returns c with b in front of what it reads: b has been read from c
// already, to find out what the peer speaks. The returned connection owns c,
// and b until it has been read; nobody may change b meanwhile.
//
// Once b is gone the connection is transparent: fast paths see through it. It
// has Step and Ready if c has them, CloseWrite and CloseRead that fail with
// errors.ErrUnsupported if c has none, and Abort, which is Close if c has no
// better way.
func Prefixed(c net.Conn, b []byte) net.Conn {
	if len(b) == 0 {
		return c
	}
	p := &prefixed{Conn: c, rest: b}
	if s, ok := c.(Stepper); ok {
		return &prefixedLayer{p, s}
	}
	return p
}

// prefixed is a connection whose first bytes have already been read.
type prefixed struct {
	net.Conn
	mu   sync.Mutex
	rest []byte
}

func (p *prefixed) take(most int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(most, len(p.rest))
	b := p.rest[:n]
	if p.rest = p.rest[n:]; len(p.rest) == 0 {
		p.rest = nil
	}
	return b
}

func (p *prefixed) untake(b []byte) {
	if len(b) > 0 {
		p.mu.Lock()
		p.rest = b[: len(b)+len(p.rest) : len(b)+len(p.rest)]
		p.mu.Unlock()
	}
}

func (p *prefixed) holds() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.rest) > 0
}

// Read returns what is left of the prefix, or else reads the connection.
func (p *prefixed) Read(b []byte) (int, error) {
	if held := p.take(len(b)); len(held) > 0 {
		return copy(b, held), nil
	}
	return p.Conn.Read(b)
}

// TransparentConn returns the connection once the prefix is gone.
func (p *prefixed) TransparentConn() (net.Conn, func(read, written int64)) {
	if p.holds() {
		return nil, nil
	}
	return p.Conn, nil
}

func (p *prefixed) CloseWrite() error {
	if c, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return fmt.Errorf("vecio: CloseWrite of %T: %w", p.Conn, errors.ErrUnsupported)
}

func (p *prefixed) CloseRead() error {
	if c, ok := p.Conn.(interface{ CloseRead() error }); ok {
		return c.CloseRead()
	}
	return fmt.Errorf("vecio: CloseRead of %T: %w", p.Conn, errors.ErrUnsupported)
}

func (p *prefixed) Abort() error { return peel.Abort(p.Conn) }

// prefixedLayer is a prefixed layer.
type prefixedLayer struct {
	*prefixed
	layer Stepper
}

func (p *prefixedLayer) Step(dst io.Writer, most int) (int64, error) {
	held := p.take(most)
	if len(held) == 0 {
		return p.layer.Step(dst, most)
	}
	n, err := writeAll(dst, held)
	p.untake(held[n:])
	return n, err
}

func (p *prefixedLayer) Ready(watch interface {
	Watch(c syscall.Conn, wake func()) (cancel func())
}, wake func()) (cancel func()) {
	if p.holds() {
		wake()
		return func() {}
	}
	return p.layer.Ready(watch, wake)
}
