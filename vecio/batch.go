package vecio

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// MaxDatagram is the longest payload of a UDP datagram over IPv4, in bytes.
const MaxDatagram = 65535 - 20 - 8

// slabSize is the buffer that ReadReady takes: no read fills more of it.
const slabSize = 1 << 16

// ECN is the mark of explicit congestion notification on a datagram.
// Source: RFC 3168, section 5.
type ECN uint8

// The marks of RFC 3168.
const (
	NotECT ECN = iota // no notification
	ECT1              // capable, 1
	ECT0              // capable, 0
	CE                // congestion experienced
)

// A Datagram is one entry of a batch: a datagram, or several of equal size
// from or to one address that pass through the system as one.
type Datagram struct {
	// Buf is what ReadBatch reads into. WriteBatch does not look at it.
	Buf []byte
	// Data is the part of Buf that was read, or what is to be written, which
	// may be anywhere.
	Data []byte
	// Addr is the source of what was read, or the destination of what is to be
	// written. It is never an IPv4-mapped IPv6 address when read, and may be
	// one when written. A connected socket reads its peer's address and writes
	// to its peer, whatever Addr says.
	Addr netip.AddrPort
	// Segment, if not zero, says that Data is several datagrams of this many
	// bytes each, the last of which may be shorter. Split takes them apart.
	Segment int
	// ECN is the mark of all the datagrams in Data.
	ECN ECN
	// Truncated: Buf was too short, and the rest of what arrived is lost.
	Truncated bool
	// Time is when the system received the datagram, by its wall clock.
	Time time.Time
}

// Count returns how many datagrams Data is.
func (d *Datagram) Count() int {
	if d.Segment <= 0 || len(d.Data) <= d.Segment {
		return 1
	}
	return (len(d.Data) + d.Segment - 1) / d.Segment
}

// Split calls f for each of the datagrams in Data, in order. f must not keep
// its argument longer than Data may be kept; its capacity ends where it does.
func (d *Datagram) Split(f func(datagram []byte)) {
	rest := d.Data
	for d.Segment > 0 && len(rest) > d.Segment {
		f(rest[:d.Segment:d.Segment])
		rest = rest[d.Segment:]
	}
	f(rest[:len(rest):len(rest)])
}

// BatchConfig says what a BatchConn is to do. The zero BatchConfig works.
type BatchConfig struct {
	// NoGSO keeps WriteBatch from handing several datagrams to the network
	// stack as one. NoGRO keeps reads from returning several as one: whoever
	// takes his buffers for single datagrams needs it.
	NoGSO, NoGRO bool
	// NoEqualTails has a message that is cut into datagrams end with a shorter
	// one, and sends others one by one. Linux 7.0 to 7.1.4, where it is always
	// so, and kernels to which the same fault was carried, damage a last
	// datagram that is as long as the others, with some devices.
	NoEqualTails bool
	// ECN has reads report the marks of what arrives, and writes set those
	// that are asked for. Without it Datagram.ECN is zero and not looked at.
	ECN bool
	// Timestamps has reads report when the system received what arrives.
	// Without it Datagram.Time is zero.
	Timestamps bool

	// portable keeps from raw system calls, which is how other systems work.
	portable bool
	// fail, in tests, may refuse a message: so many datagrams of this size.
	fail func(count, size int) syscall.Errno
}

// A BatchConn reads and writes a UDP socket by many datagrams a system call:
// on Linux by recvmmsg(2) and sendmmsg(2), and where the kernel has it with
// segmentation offload both ways (GSO and GRO), so that up to 64 datagrams
// pass through the network stack as one. On other systems, and where Linux
// refuses, a call moves one datagram. Stats tells which of it is in use.
//
// A BatchConn holds no memory while it waits, but for what the caller passes
// to ReadBatch. It is safe for concurrent use by any number of readers and
// writers, starts no goroutine, and honours the socket's deadlines. It does
// not allocate (TestBatchAllocs).
//
// Source: udp(7); Linux, Documentation/networking/segmentation-offloads.
type BatchConn struct {
	udp       *net.UDPConn
	raw       syscall.RawConn
	cfg       BatchConfig
	connected bool
	peer      netip.AddrPort // of a connected socket

	portable atomic.Bool
	system   batchSystem

	stats batchCounters
}

// NewBatchConn returns a BatchConn for c, which may be connected or not, and
// of IPv4, IPv6 or both. It sets socket options: unless cfg says NoGRO, c must
// from now on be read by the BatchConn only. c's owner keeps it, and closes it
// or the BatchConn. It fails only if c is closed.
func NewBatchConn(c *net.UDPConn, cfg BatchConfig) (*BatchConn, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	b := &BatchConn{udp: c, raw: raw, cfg: cfg}
	if peer, ok := c.RemoteAddr().(*net.UDPAddr); ok && peer != nil {
		b.connected, b.peer = true, unmapped(peer.AddrPort())
	}
	b.portable.Store(cfg.portable || !haveBatches)
	if err := b.prepare(); err != nil {
		return nil, err
	}
	return b, nil
}

// Conn returns the socket itself, for its addresses, deadlines and options.
func (c *BatchConn) Conn() *net.UDPConn { return c.udp }

// Close closes the socket. Calls that wait fail with net.ErrClosed.
func (c *BatchConn) Close() error { return c.udp.Close() }

// ReadBatch waits until something arrives and reads what is there, up to one
// entry of ms each, into their Buf. It returns how many entries it filled, at
// least one, or an error and none.
//
// Buf belongs to the caller, and Data is part of it. With GRO, which is on
// unless BatchConfig says otherwise, an entry may hold many datagrams: a Buf
// of less than 64 KiB then loses some of them, and says so in Truncated. An
// error that a peer has caused, such as syscall.ECONNREFUSED, is nothing
// about what is read next.
func (c *BatchConn) ReadBatch(ms []Datagram) (int, error) {
	if len(ms) == 0 {
		return 0, nil
	}
	if !c.portable.Load() {
		n, err := c.read(ms, nil, false)
		if !errors.Is(err, errNoBatches) {
			return n, err
		}
	}
	return c.readPortable(ms, nil)
}

// ReadReady is ReadBatch for whoever does not want to hold memory while
// nothing arrives: only then it takes a Buf of 64 KiB from p for each of ms,
// and puts those back that it did not fill. The first n are the caller's to
// put back. On systems other than Linux one is held while waiting.
func (c *BatchConn) ReadReady(p interface {
	Get(n int) []byte
	Put(b []byte)
}, ms []Datagram) (n int, err error) {
	return c.readReady(p, ms, false)
}

// readReady is ReadReady. With try it does not wait, where that is possible,
// and returns errNothingNow instead.
func (c *BatchConn) readReady(p bufferPool, ms []Datagram, try bool) (n int, err error) {
	if len(ms) == 0 {
		return 0, nil
	}
	if !c.portable.Load() {
		n, err := c.read(ms, p, try)
		if !errors.Is(err, errNoBatches) {
			return n, err
		}
	}
	return c.readPortable(ms, p)
}

type bufferPool interface {
	Get(n int) []byte
	Put(b []byte)
}

// WriteBatch sends ms, in order. Neighbours that have one destination and one
// size, the last of them perhaps less, leave as one where GSO is in use; the
// receiver sees no difference.
//
// WriteBatch keeps nothing. It waits while the socket's buffer is full. A
// datagram that the system refuses does not keep back the others: sent is how
// many datagrams, not entries, it took, and err why it did not take the first
// that it refused. Nothing is sent behind a deadline or the end of the socket.
//
// A kernel that fails to segment what it said it could is not asked again: for
// no datagram of that size or more if the size is what it objects to, for none
// at all if the device cannot. What it failed at is sent one by one.
func (c *BatchConn) WriteBatch(ms []Datagram) (sent int, err error) {
	return c.writeBatch(ms, false)
}

// writeBatch is WriteBatch. With try it does not wait, where that is possible:
// what the socket's buffer has no room for is refused.
func (c *BatchConn) writeBatch(ms []Datagram, try bool) (sent int, err error) {
	if len(ms) == 0 {
		return 0, nil
	}
	if c.portable.Load() {
		return c.writePortable(ms, cursor{})
	}
	return c.write(ms, try)
}

// errNothingNow: nothing has arrived.
var errNothingNow = errors.New("vecio: no datagram now")

// errFull: the socket's buffer has no room now.
var errFull = errors.New("vecio: no room for a datagram now")

// errNoBatches: this system has no such call.
var errNoBatches = errors.New("vecio: no batches of datagrams here")

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
