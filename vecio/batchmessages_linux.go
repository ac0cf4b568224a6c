package vecio

import (
	"encoding/binary"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// messagesPerCall is the most messages of one system call: beyond, its
	// own cost is nothing any more.
	messagesPerCall = 64
	// piecesPerCall is the most pieces of memory that they consist of.
	piecesPerCall = 2 * maxSegments
	// controlSize has room for what is received with a datagram, the size of
	// segments, the mark and the time, and more than for what is sent with it.
	controlSize = 96
)

// messages are the arrays of one recvmmsg or sendmmsg: 15 KB, lent for the
// call.
type messages struct {
	headers [messagesPerCall]messageHeader
	pieces  [piecesPerCall]unix.Iovec
	names   [messagesPerCall]unix.RawSockaddrInet6
	control [messagesPerCall]struct {
		_ [0]uintptr // control messages are aligned to words
		b [controlSize]byte
	}
	runs [messagesPerCall]run
}

// messageHeader is struct mmsghdr.
type messageHeader struct {
	unix.Msghdr
	length uint32
}

var messageArrays = sync.Pool{New: func() any { return new(messages) }}

// clear drops what the arrays point to.
func (m *messages) clear(headers, pieces int) {
	clear(m.headers[:headers])
	clear(m.pieces[:pieces])
}

// forRead lays out one message for each of ms.
func (m *messages) forRead(c *BatchConn, ms []Datagram) {
	for i := range ms {
		h := &m.headers[i].Msghdr
		m.pieces[i].Base = unsafe.SliceData(ms[i].Buf)
		m.pieces[i].SetLen(len(ms[i].Buf))
		h.Iov = &m.pieces[i]
		h.SetIovlen(1)
		h.Control = &m.control[i].b[0]
		h.SetControllen(controlSize)
		if !c.connected {
			h.Name = (*byte)(unsafe.Pointer(&m.names[i]))
			h.Namelen = unix.SizeofSockaddrInet6
		}
	}
}

// receive is one recvmmsg, retried on EINTR.
func (m *messages) receive(fd uintptr, n int) (int, syscall.Errno) {
	for {
		r, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&m.headers)), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			return int(r), 0
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}

// took puts what was received where the caller finds it.
func (m *messages) took(c *BatchConn, ms []Datagram) {
	for i := range ms {
		h := &m.headers[i]
		d := &ms[i]
		*d = Datagram{
			Buf:       d.Buf,
			Data:      d.Buf[:h.length],
			Addr:      c.peer,
			Truncated: h.Flags&unix.MSG_TRUNC != 0,
		}
		if !c.connected {
			d.Addr = c.addr(&m.names[i])
		}
		m.takeControl(d, m.control[i].b[:h.Controllen])
	}
}

// takeControl reads what came along with a datagram.
func (m *messages) takeControl(d *Datagram, b []byte) {
	head := unix.CmsgLen(0)
	for len(b) >= head {
		h := (*unix.Cmsghdr)(unsafe.Pointer(unsafe.SliceData(b)))
		if int(h.Len) < head || int(h.Len) > len(b) {
			return // cut by the kernel, which has more to say than is asked
		}
		data := b[head:h.Len]
		switch {
		case h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO && len(data) >= 4:
			if n := int(binary.NativeEndian.Uint32(data)); n > 0 && n < len(d.Data) {
				d.Segment = n
			}
		case h.Level == unix.SOL_IP && h.Type == unix.IP_TOS && len(data) >= 1:
			d.ECN = ECN(data[0] & 3)
		case h.Level == unix.SOL_IPV6 && h.Type == unix.IPV6_TCLASS && len(data) >= 4:
			d.ECN = ECN(binary.NativeEndian.Uint32(data) & 3)
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
			d.Time = time.Unix((*unix.Timespec)(unsafe.Pointer(unsafe.SliceData(data))).Unix())
		}
		b = b[min(unix.CmsgSpace(len(data)), len(b)):]
	}
}

// forWrite lays out messages from where the call has come to, and returns how
// many, and of how many pieces they consist.
func (m *messages) forWrite(b *batchCall) (headers, pieces int) {
	at := b.at
	for at.entry < len(b.ms) && headers < messagesPerCall && pieces < piecesPerCall {
		d := &b.ms[at.entry]
		first := pieces
		limits := b.limits(at, min(maxSegments, piecesPerCall-pieces))
		r := runAt(b.ms, at, limits, func(p []byte, join bool) {
			if join {
				last := &m.pieces[pieces-1]
				last.SetLen(int(last.Len) + len(p))
				return
			}
			m.pieces[pieces].Base = unsafe.SliceData(p)
			m.pieces[pieces].SetLen(len(p))
			pieces++
		})
		if limits.tail && r.count > 1 && r.last == r.segment {
			var alone []byte
			alone, r.end = at.next(b.ms)
			r.count, r.total = 1, len(alone)
			m.pieces[first].SetLen(len(alone))
			clear(m.pieces[first+1 : pieces])
			pieces = first + 1
		}
		h := &m.headers[headers].Msghdr
		h.Iov = &m.pieces[first]
		h.SetIovlen(pieces - first)
		if !b.c.connected {
			h.Name = (*byte)(unsafe.Pointer(&m.names[headers]))
			h.Namelen = b.c.setAddr(&m.names[headers], d.Addr)
		}
		if n := m.setControl(headers, b.c, d, &r); n > 0 {
			h.Control = &m.control[headers].b[0]
			h.SetControllen(n)
		}
		m.runs[headers] = r
		at = r.end
		headers++
	}
	return headers, pieces
}

// setControl writes what goes along with message i, and returns its length.
func (m *messages) setControl(i int, c *BatchConn, d *Datagram, r *run) (n int) {
	b := m.control[i].b[:]
	if r.count > 1 { // for one datagram, some kernels refuse it
		data := control(b, unix.SOL_UDP, unix.UDP_SEGMENT, 2)
		binary.NativeEndian.PutUint16(data, uint16(r.segment))
		n += unix.CmsgSpace(2)
	}
	if c.cfg.ECN && d.ECN != NotECT {
		to := d.Addr.Addr()
		if c.connected {
			to = c.peer.Addr()
		}
		level, kind := unix.SOL_IPV6, unix.IPV6_TCLASS
		if to.Unmap().Is4() { // on a socket of either kind
			level, kind = unix.SOL_IP, unix.IP_TOS
		}
		data := control(b[n:], level, kind, 4)
		binary.NativeEndian.PutUint32(data, uint32(d.ECN&3))
		n += unix.CmsgSpace(4)
	}
	return n
}

// control writes the head of a control message to b and returns the place of
// its data.
func control(b []byte, level, kind, size int) []byte {
	h := (*unix.Cmsghdr)(unsafe.Pointer(unsafe.SliceData(b)))
	h.Level, h.Type = int32(level), int32(kind)
	h.SetLen(unix.CmsgLen(size))
	return b[unix.CmsgLen(0):unix.CmsgLen(size)]
}

// send is one sendmmsg.
func (m *messages) send(fd uintptr, n int) (int, syscall.Errno) {
	r, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&m.headers)), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

// inet4 sees an address as one of IPv4, which is shorter.
func inet4(name *unix.RawSockaddrInet6) *unix.RawSockaddrInet4 {
	return (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
}

// hostOrder turns a port of the kernel's, which has its high byte first, into
// a number, and back.
func hostOrder(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}
