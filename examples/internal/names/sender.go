package names

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/vecio"
)

// ErrPort: a datagram is for port 0.
var ErrPort = errors.New("names: no port")

// A Sender finds out where datagrams of a table are to go. It is safe for
// concurrent use.
type Sender struct {
	Resolver *Resolver
	table    atomic.Pointer[vecio.FlowTable]
}

// Serve names the table that sends what had to wait for its address. What has
// to wait before is dropped.
func (s *Sender) Serve(t *vecio.FlowTable) { s.table.Store(t) }

// Send returns payload, and where it has to go, if that is known at once, as
// FlowTableConfig.Up does. Otherwise it sends a copy as soon as it is known,
// and returns nothing. What nobody knows the address of is dropped.
func (s *Sender) Send(client netip.AddrPort, to socks.Addr, payload []byte) ([]byte, netip.AddrPort, error) {
	switch {
	case to.Port == 0:
		return nil, netip.AddrPort{}, ErrPort
	case to.IP.IsValid():
		return payload, netip.AddrPortFrom(to.IP, to.Port), nil
	}
	if ip, ok := s.Resolver.Known(to.Name); ok {
		return payload, netip.AddrPortFrom(ip, to.Port), nil
	}
	table := s.table.Load()
	if table == nil {
		return nil, netip.AddrPort{}, nil
	}
	kept := append([]byte{}, payload...)
	err := s.Resolver.Resolve(to.Name, func(ip netip.Addr, err error) {
		if err == nil {
			_ = table.Send(client, netip.AddrPortFrom(ip, to.Port), kept) // counted
		}
	})
	return nil, netip.AddrPort{}, err
}

// bufferSize is what is asked for, for the sockets of flows: a burst of some
// milliseconds.
const bufferSize = 1 << 20

// OpenAny opens a socket for targets of any family, as FlowTableConfig.Open.
func OpenAny(netip.AddrPort) (*net.UDPConn, error) {
	c, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, err
	}
	Widen(c)
	return c, nil
}

// Widen asks for larger buffers, of which the system grants what it will.
func Widen(c *net.UDPConn) {
	_ = c.SetReadBuffer(bufferSize)
	_ = c.SetWriteBuffer(bufferSize)
}
