// Package associate is the UDP ASSOCIATE of a SOCKS5 proxy (RFC 1928, section
// 7): a UDP socket that lives as long as the client's connection, and that takes
// datagrams from this client only.
package associate

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/headrace-go/headrace/examples/internal/names"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/vecio"
)

// ErrStranger: a datagram is from somebody other than the client.
var ErrStranger = errors.New("associate: not the client's address")

// maxFlows bounds the ports that a client may send from.
const maxFlows = 16

// A Conn is the far end of a client's connection while that stands for an
// association: it discards what is written, and reads as if nothing came. When
// it is closed, also for writing only, the association ends. It is a
// vecio.Stepper, so that a relay over it is parked.
type Conn struct {
	table *vecio.FlowTable

	closing sync.Once
	mu      sync.Mutex
	wake    func()
	ended   chan struct{}
}

// Listen opens a socket for the datagrams of client, where client has connected
// to, and returns it with the address that they come from.
func Listen(client net.Conn) (socket *net.UDPConn, from netip.Addr, err error) {
	local, ok := client.LocalAddr().(*net.TCPAddr)
	remote, ok2 := client.RemoteAddr().(*net.TCPAddr)
	if !ok || !ok2 {
		return nil, netip.Addr{}, errors.ErrUnsupported
	}
	if socket, err = net.ListenUDP("udp", &net.UDPAddr{IP: local.IP, Zone: local.Zone}); err != nil {
		return nil, netip.Addr{}, err
	}
	names.Widen(socket)
	return socket, remote.AddrPort().Addr().Unmap().WithZone(""), nil
}

// Start opens a socket for the datagrams of client, of which claimed is the
// address that it has asked with: it may name a port, and is otherwise not
// trusted. cfg says what becomes of the datagrams.
func Start(client net.Conn, claimed socks.Addr, cfg vecio.FlowTableConfig) (*Conn, error) {
	socket, from, err := Listen(client)
	if err != nil {
		return nil, err
	}
	batch, err := vecio.NewBatchConn(socket, vecio.BatchConfig{})
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	cfg.Up = only(from, claimed.Port, cfg.Up)
	cfg.MaxFlows = maxFlows
	table, err := vecio.NewFlowTable(batch, cfg)
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	return &Conn{table: table, ended: make(chan struct{})}, nil
}

type up = func(dst, datagram []byte, client netip.AddrPort) ([]byte, netip.AddrPort, error)

// only lets pass what comes from ip, and from port unless that is 0.
func only(ip netip.Addr, port uint16, next up) up {
	return func(dst, datagram []byte, client netip.AddrPort) ([]byte, netip.AddrPort, error) {
		if client.Addr().WithZone("") != ip || port != 0 && client.Port() != port {
			return nil, netip.AddrPort{}, ErrStranger
		}
		return next(dst, datagram, client)
	}
}

// Socket returns the address that the client has to send to.
func (c *Conn) Socket() net.Addr { return c.table.Conn().Conn().LocalAddr() }

// Table is what relays the datagrams.
func (c *Conn) Table() *vecio.FlowTable { return c.table }

// IdleTimeout says never: the connection stands while datagrams go past it.
func (c *Conn) IdleTimeout() time.Duration { return -1 }

// Step has nothing to hand on, until the association ends.
func (c *Conn) Step(io.Writer, int) (int64, error) {
	select {
	case <-c.ended:
		return 0, io.EOF
	default:
		return 0, nil
	}
}

// Ready calls wake when the association ends.
func (c *Conn) Ready(_ interface {
	Watch(c syscall.Conn, wake func()) (cancel func())
}, wake func()) (cancel func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.ended:
		go wake()
	default:
		c.wake = wake
	}
	return func() {
		c.mu.Lock()
		c.wake = nil
		c.mu.Unlock()
	}
}

// Read waits for the end of the association.
func (c *Conn) Read([]byte) (int, error) {
	<-c.ended
	return 0, io.EOF
}

// Write discards b: a client has nothing more to say.
func (c *Conn) Write(b []byte) (int, error) { return len(b), nil }

// CloseWrite ends the association: the client's connection has ended.
func (c *Conn) CloseWrite() error { return c.Close() }

// Close ends the association, and returns when its sockets are closed.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		_ = c.table.Close() // fails if the socket has: then it has ended, too
		c.mu.Lock()
		wake := c.wake
		c.wake = nil
		close(c.ended)
		c.mu.Unlock()
		if wake != nil {
			wake()
		}
	})
	return nil
}

// LocalAddr is where the client sends to.
func (c *Conn) LocalAddr() net.Addr { return c.Socket() }

// RemoteAddr is the same: there is nobody behind it.
func (c *Conn) RemoteAddr() net.Addr { return c.Socket() }

// SetDeadline does nothing: nothing waits but Read, for the end.
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
