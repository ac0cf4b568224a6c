package trojan

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/vecio"
)

// A Codec says what the datagrams of a UDP socket have to do with packets.
type Codec interface {
	// Open returns whom a datagram from source is about, and its payload, which
	// is a part of it. It reports false to have it dropped.
	Open(datagram []byte, source netip.AddrPort) (about socks.Addr, payload []byte, ok bool)
	// Seal returns the datagram that takes payload to about, and where that
	// goes: payload itself, or something that it appends to dst, no longer than
	// the packet was. It reports false to have it dropped.
	Seal(dst []byte, about socks.Addr, payload []byte) (datagram []byte, to netip.AddrPort, ok bool)
}

// Packets is a UDP socket as a stream of packets: it reads as the packets for
// the datagrams that arrive, and sends those that are written. Datagrams that
// cannot be sent are lost, as datagrams are. While nothing arrives it holds no
// buffer but the part of a packet that has been written so far.
//
// One goroutine may read and one write at a time. CloseWrite is Close: without
// a peer there is nobody to wait for.
type Packets struct {
	batch *vecio.BatchConn
	codec Codec
	pool  *bufpool.Pool

	in   [batchSize]vecio.Datagram
	held []byte // a buffer of packets
	rest []byte // what of it is still to be read

	wmu     sync.Mutex
	out     [batchSize]vecio.Datagram
	partial []byte // the beginning of a packet
}

// batchSize is how many datagrams are moved at a time.
const batchSize = 16

// NewPackets returns socket as a stream of packets, and owns it.
func NewPackets(socket *net.UDPConn, codec Codec) (*Packets, error) {
	batch, err := vecio.NewBatchConn(socket, vecio.BatchConfig{})
	if err != nil {
		return nil, err
	}
	return &Packets{batch: batch, codec: codec, pool: bufpool.Default()}, nil
}

// Read reads packets, of which the last may go on in the next Read.
func (p *Packets) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for len(p.rest) == 0 {
		n, err := p.batch.ReadReady(p.pool, p.in[:])
		switch {
		case err == nil:
			p.frame(p.in[:n])
		case errors.Is(err, net.ErrClosed):
			return 0, io.EOF
		case errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		default: // it is about a datagram that was sent before
		}
	}
	n := copy(b, p.rest)
	if p.rest = p.rest[n:]; len(p.rest) == 0 {
		p.pool.Put(p.held)
		p.held, p.rest = nil, nil
	}
	return n, nil
}

// frame makes packets of what has arrived.
func (p *Packets) frame(arrived []vecio.Datagram) {
	size := 0
	for i := range arrived {
		size += len(arrived[i].Data) + arrived[i].Count()*MaxPacketHeader
	}
	p.held = p.pool.Get(size)
	p.rest = p.held[:0]
	for i := range arrived {
		d := &arrived[i]
		d.Split(func(datagram []byte) {
			if about, payload, ok := p.codec.Open(datagram, d.Addr); ok {
				p.rest = AppendPacket(p.rest, about, payload)
			}
		})
		p.pool.Put(d.Buf)
		*d = vecio.Datagram{}
	}
	if len(p.rest) == 0 {
		p.pool.Put(p.held)
		p.held = nil
	}
}

// Write sends the packets in b. The beginning of one is kept until the rest
// comes.
func (p *Packets) Write(b []byte) (int, error) {
	p.wmu.Lock()
	defer p.wmu.Unlock()
	all := b
	if p.partial != nil {
		all = p.pool.Get(len(p.partial) + len(b))
		defer p.pool.Put(all)
		copy(all[copy(all, p.partial):], b)
		p.pool.Put(p.partial)
		p.partial = nil
	}
	rest, err := p.send(all)
	if err != nil {
		return 0, err
	}
	if len(rest) > 0 {
		p.partial = p.pool.Get(len(rest))
		copy(p.partial, rest)
	}
	return len(b), nil
}

// send sends the packets that b begins with, and returns what is behind them.
func (p *Packets) send(b []byte) (rest []byte, err error) {
	sealed := p.pool.Get(len(b))
	defer p.pool.Put(sealed)
	free := sealed[:0] // its capacity is what is left of sealed
	n := 0
	flush := func() {
		_, _ = p.batch.WriteBatch(p.out[:n]) // what cannot be sent is lost
		clear(p.out[:n])
		n, free = 0, sealed[:0]
	}
	for {
		about, payload, size, err := ParsePacket(b)
		if err != nil || size == 0 {
			flush()
			return b, err
		}
		if datagram, to, ok := p.codec.Seal(free[len(free):], about, payload); ok {
			p.out[n].Data, p.out[n].Addr = datagram, to
			n++
			free = free[:min(len(free)+size, cap(free))]
		}
		b = b[size:]
		if n == batchSize {
			flush()
		}
	}
}

// SendTo sends one datagram, from any goroutine.
func (p *Packets) SendTo(datagram []byte, to netip.AddrPort) error {
	_, err := p.batch.WriteBatch([]vecio.Datagram{{Data: datagram, Addr: to}})
	return err
}

// CloseWrite is Close.
func (p *Packets) CloseWrite() error { return p.Close() }

// Close closes the socket. A Read under way, and every later one, returns
// io.EOF.
func (p *Packets) Close() error {
	err := p.batch.Close()
	p.wmu.Lock()
	defer p.wmu.Unlock()
	if p.partial != nil {
		p.pool.Put(p.partial)
		p.partial = nil
	}
	return err
}

// LocalAddr is the socket's address.
func (p *Packets) LocalAddr() net.Addr { return p.batch.Conn().LocalAddr() }

// RemoteAddr is LocalAddr: there is more than one peer.
func (p *Packets) RemoteAddr() net.Addr { return p.LocalAddr() }

// SetDeadline sets the deadlines of the socket.
func (p *Packets) SetDeadline(t time.Time) error { return p.batch.Conn().SetDeadline(t) }

// SetReadDeadline sets the read deadline of the socket.
func (p *Packets) SetReadDeadline(t time.Time) error { return p.batch.Conn().SetReadDeadline(t) }

// SetWriteDeadline sets the write deadline of the socket.
func (p *Packets) SetWriteDeadline(t time.Time) error { return p.batch.Conn().SetWriteDeadline(t) }

var _ net.Conn = (*Packets)(nil)
