package quicmux

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/headrace-go/headrace/internal/slab"
)

// largestRead is what the kernel joins at most.
const largestRead = 64 << 10

// segments is a UDP socket whose datagrams arrive joined, as many as the kernel
// has found of one sender and one length (UDP_GRO), and are cut again here.
// quic-go alone reads them in messages of one datagram, and the kernel has to
// cut what was sent as one. It has one reader, quic-go's, and holds a buffer
// only while there is something in it.
// Source: udp(7).
type segments struct {
	*net.UDPConn
	raw     syscall.RawConn
	attempt func(fd uintptr) bool // readOnce, bound once

	err   error
	buf   []byte // from the slab; nil when nothing is left
	rest  []byte // what of it was not handed out
	size  int    // of a datagram in it; the last one may be shorter
	empty bool   // a datagram of no bytes has come
	oobn  int

	head unix.Msghdr
	vec  unix.Iovec
	oob  [128]byte             // as long as quic-go's; aligned by what is in front of it
	name unix.RawSockaddrInet6 // has room for either family

	from *net.UDPAddr
	last netip.AddrPort // from
}

var _ quic.OOBCapablePacketConn = (*segments)(nil)

// newSegments returns nil if the kernel does not join datagrams.
func newSegments(udp *net.UDPConn) *segments {
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 1) })
	if err != nil || failed != nil {
		return nil
	}
	s := &segments{UDPConn: udp, raw: raw}
	s.attempt = s.readOnce
	return s
}

// ReadBatch waits for datagrams, and copies as many as there are into ms.
func (s *segments) ReadBatch(ms []ipv4.Message, _ int) (n int, err error) {
	for len(s.rest) == 0 && !s.empty {
		if err := s.raw.Read(s.attempt); err != nil {
			return 0, err
		}
		if s.err != nil {
			return 0, s.err
		}
	}
	for n < len(ms) && (len(s.rest) > 0 || s.empty) {
		m := &ms[n]
		size := min(s.size, len(s.rest))
		m.N = copy(m.Buffers[0], s.rest[:size]) // no packet of QUIC's is longer
		m.NN = copy(m.OOB, s.oob[:s.oobn])
		m.Addr, m.Flags = s.from, 0
		s.rest, s.empty = s.rest[size:], false
		n++
	}
	if len(s.rest) == 0 {
		s.release()
	}
	return n, nil
}

// readOnce reports whether the read is over.
func (s *segments) readOnce(fd uintptr) bool {
	s.release()
	s.buf = slab.Default().Get(largestRead)
	n, errno := s.receive(fd)
	if errno != 0 {
		s.release()
	}
	switch errno {
	case 0:
		s.rest, s.empty, s.err = s.buf[:n], n == 0, nil
		s.size = joined(s.oob[:s.oobn], n)
		s.setFrom()
	case unix.EAGAIN:
		return false
	default:
		s.err = &net.OpError{Op: "read", Net: "udp", Source: s.LocalAddr(), Err: os.NewSyscallError("recvmsg", errno)}
	}
	return true
}

// receive is one recvmsg, retried on EINTR.
func (s *segments) receive(fd uintptr) (int, unix.Errno) {
	h := &s.head
	s.vec.Base = unsafe.SliceData(s.buf)
	s.vec.SetLen(len(s.buf))
	h.Iov, h.Name, h.Control = &s.vec, (*byte)(unsafe.Pointer(&s.name)), &s.oob[0]
	h.SetIovlen(1)
	defer func() { s.vec.Base = nil }() // the buffer is the slab's again
	for {
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(len(s.oob))
		n, _, errno := unix.Syscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(h)), unix.MSG_DONTWAIT)
		if errno == unix.EINTR {
			continue
		}
		s.oobn = int(h.Controllen)
		return int(n), errno
	}
}

func (s *segments) release() {
	if s.buf != nil {
		slab.Default().Put(s.buf)
		s.buf, s.rest = nil, nil
	}
}

// joined returns the length of the datagrams that n bytes consist of.
func joined(oob []byte, n int) int {
	for len(oob) > 0 {
		head, body, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			break
		}
		if head.Level == unix.SOL_UDP && head.Type == unix.UDP_GRO && len(body) >= 2 {
			if size := int(binary.NativeEndian.Uint16(body)); size > 0 {
				return size
			}
		}
		oob = rest
	}
	return n
}

// setFrom notes who has sent it. The address is made anew only when it is
// another one: quic-go keeps it.
func (s *segments) setFrom() {
	port := func(p *uint16) uint16 { return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:]) }
	var ap netip.AddrPort
	switch s.name.Family {
	case unix.AF_INET:
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.name))
		ap = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), port(&a.Port))
	case unix.AF_INET6:
		ip := netip.AddrFrom16(s.name.Addr).Unmap()
		if s.name.Scope_id != 0 && ip.Is6() {
			ip = ip.WithZone(strconv.FormatUint(uint64(s.name.Scope_id), 10))
		}
		ap = netip.AddrPortFrom(ip, port(&s.name.Port))
	}
	if ap != s.last || s.from == nil {
		s.last, s.from = ap, net.UDPAddrFromAddrPort(ap)
	}
}
