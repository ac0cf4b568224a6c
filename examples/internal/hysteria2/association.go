package hysteria2

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/examples/internal/associate"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/vecio"
)

// An Association is the UDP ASSOCIATE of a SOCKS5 client (RFC 1928, section 7)
// as a session of a Client. It ends with the Client.
type Association struct {
	*associate.Conn
	client *Client
	id     uint32
	app    atomic.Pointer[netip.AddrPort] // where it has sent from last
}

var _ mux.Stream = (*Association)(nil)

// Associate opens a socket for the datagrams of the application on control, of
// which claimed is the address that it has asked with: see associate.Start.
func (c *Client) Associate(control net.Conn, claimed socks.Addr) (*Association, error) {
	a := &Association{client: c}
	var err error
	a.Conn, err = associate.Start(control, claimed, vecio.FlowTableConfig{
		Up:   a.up,
		Open: func(netip.AddrPort) (*net.UDPConn, error) { return nil, errors.ErrUnsupported }, // up makes no flow
	})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		_ = a.Conn.Close()
		return nil, mux.ErrClosed
	}
	for a.id == 0 || c.associations[a.id] != nil {
		c.next++
		a.id = c.next
	}
	c.associations[a.id] = a
	return a, nil
}

// up sends the application's datagram over the connection, and nothing over a
// socket of the table.
func (a *Association) up(_, datagram []byte, client netip.AddrPort) ([]byte, netip.AddrPort, error) {
	to, payload, err := socks.ParseDatagram(datagram)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	if last := a.app.Load(); last == nil || *last != client { // answers go to where it sent from last
		a.app.Store(&client)
	}
	return nil, netip.AddrPort{}, a.client.send(a.id, []byte(to.String()), payload)
}

// down sends the application what came from source.
func (a *Association) down(source socks.Addr, payload []byte) {
	app := a.app.Load()
	if app == nil {
		return
	}
	pool := bufpool.Default()
	buf := pool.Get(socks.MaxAddrLen + 3 + len(payload))
	defer pool.Put(buf)
	datagram := append(socks.AppendHeader(buf[:0], source), payload...)
	_, _ = a.Table().Conn().WriteBatch([]vecio.Datagram{{Data: datagram, Addr: *app}}) // what cannot be sent is lost
}

// Close ends the association.
func (a *Association) Close() error {
	a.client.mu.Lock()
	delete(a.client.associations, a.id)
	a.client.mu.Unlock()
	return a.Conn.Close()
}

// CloseWrite is Close.
func (a *Association) CloseWrite() error { return a.Close() }

// CloseRead is Close.
func (a *Association) CloseRead() error { return a.Close() }

// Reset is Close.
func (a *Association) Reset(mux.Code) error { return a.Close() }

// receive hands datagrams out to associations until the connection ends, and
// them with it.
func (c *Client) receive() {
	var pending reassembly
	for {
		b, err := c.ReceiveDatagram(context.Background())
		if err != nil {
			break
		}
		m, err := ParseMessage(b)
		if err != nil {
			continue // it may come from a later version of the protocol
		}
		payload := pending.add(m)
		if payload == nil {
			continue
		}
		c.mu.Lock()
		a := c.associations[m.Session]
		c.mu.Unlock()
		if a == nil {
			continue // it has ended
		}
		if source, err := ParseAddress(m.Address); err == nil {
			a.down(source, payload)
		}
	}
	c.mu.Lock()
	c.ended = true
	left := c.associations
	c.associations = nil
	c.mu.Unlock()
	for _, a := range left {
		_ = a.Conn.Close() // it may have been closed already
	}
}
