package trojan

import (
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/headrace-go/headrace/examples/internal/associate"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

// An Association is the UDP ASSOCIATE of a SOCKS5 client (RFC 1928, section 7)
// as a stream of packets. It ends with the client's connection, and that with
// it.
type Association struct {
	*Packets
	control net.Conn
	ended   chan struct{} // the control connection has
}

// NewAssociation opens a socket for the datagrams of the client on control, of
// which claimed is the address that it has asked with: it may name a port, and
// is otherwise not trusted. It owns control, and runs one goroutine until that
// ends.
func NewAssociation(control net.Conn, claimed socks.Addr) (*Association, error) {
	socket, from, err := associate.Listen(control)
	if err != nil {
		return nil, err
	}
	packets, err := NewPackets(socket, &relayed{ip: from, port: claimed.Port})
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	a := &Association{Packets: packets, control: control, ended: make(chan struct{})}
	go a.watch()
	return a, nil
}

// watch ends the stream with the client's connection, on which nothing more is
// to come.
func (a *Association) watch() {
	defer close(a.ended)
	var b [64]byte
	for {
		if _, err := a.control.Read(b[:]); err != nil {
			_ = a.Packets.Close() // it may have been closed already
			return
		}
	}
}

// CloseWrite is Close.
func (a *Association) CloseWrite() error { return a.Close() }

// Close closes the socket and the client's connection, and returns when the
// goroutine has ended.
func (a *Association) Close() error {
	err := a.control.Close()
	<-a.ended
	return err
}

// RemoteAddr is the client's.
func (a *Association) RemoteAddr() net.Addr { return a.control.RemoteAddr() }

// relayed is the codec of a SOCKS5 client's datagrams.
type relayed struct {
	ip     netip.Addr // the client's
	port   uint16     // 0: any
	client atomic.Pointer[netip.AddrPort]
}

func (r *relayed) Open(datagram []byte, source netip.AddrPort) (socks.Addr, []byte, bool) {
	if source.Addr().WithZone("") != r.ip || r.port != 0 && source.Port() != r.port {
		return socks.Addr{}, nil, false
	}
	about, payload, err := socks.ParseDatagram(datagram)
	if err != nil {
		return socks.Addr{}, nil, false
	}
	if last := r.client.Load(); last == nil || *last != source { // answers go to where it sent from last
		r.client.Store(&source)
	}
	return about, payload, true
}

func (r *relayed) Seal(dst []byte, about socks.Addr, payload []byte) ([]byte, netip.AddrPort, bool) {
	client := r.client.Load()
	if client == nil {
		return nil, netip.AddrPort{}, false
	}
	return append(socks.AppendHeader(dst, about), payload...), *client, true
}
