package vecio

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/headrace-go/headrace/internal/vec"
)

const haveBatches = true

// batchSystem is what batches of datagrams need to know of the system.
type batchSystem struct {
	v6    bool         // the socket is of IPv6, perhaps of both
	gro   atomic.Bool  // reads return several datagrams as one
	limit atomic.Int64 // the largest datagram that leaves by GSO; 0: none does
	zones sync.Map     // of IPv6: name by index, index by name
}

func (c *BatchConn) receivesSegments() bool { return c.system.gro.Load() }
func (c *BatchConn) segmentLimit() int      { return int(c.system.limit.Load()) }

// prepare asks the socket what it can do, and sets its options.
func (c *BatchConn) prepare() error {
	s := &c.system
	return c.raw.Control(func(fd uintptr) {
		domain, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		s.v6 = err == nil && domain == unix.AF_INET6
		if c.portable.Load() {
			return
		}
		set := func(level, option, value int) bool {
			return unix.SetsockoptInt(int(fd), level, option, value) == nil
		}
		if c.cfg.ECN {
			set(unix.SOL_IP, unix.IP_RECVTOS, 1) // an IPv6 socket may carry IPv4
			if s.v6 {
				set(unix.SOL_IPV6, unix.IPV6_RECVTCLASS, 1)
			}
		}
		if c.cfg.Timestamps {
			set(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		}
		// A kernel that does not know UDP_SEGMENT takes the control message
		// and glues the datagrams together: so ask.
		if !c.cfg.NoGSO && set(unix.SOL_UDP, unix.UDP_SEGMENT, 0) {
			s.limit.Store(MaxDatagram)
		}
		s.gro.Store(!c.cfg.NoGRO && set(unix.SOL_UDP, unix.UDP_GRO, 1))
	})
}

// withoutBatches goes over to single datagrams, for good.
func (c *BatchConn) withoutBatches() {
	if c.portable.Swap(true) {
		return
	}
	c.stats.fallbacks.Add(1)
	if c.system.gro.Swap(false) {
		_ = c.raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 0)
		})
	}
}

// lowerLimit keeps datagrams of more than limit bytes from GSO, for good.
func (c *BatchConn) lowerLimit(limit int) {
	for {
		old := c.system.limit.Load()
		if old <= int64(limit) {
			return
		}
		if c.system.limit.CompareAndSwap(old, int64(limit)) {
			c.stats.fallbacks.Add(1)
			return
		}
	}
}

// A batchCall is one call under way. It is small, since a read that waits
// keeps it; the arrays that the kernel looks at are taken for the system call
// alone.
type batchCall struct {
	c   *BatchConn
	ms  []Datagram
	err error
	n   int // entries read, or datagrams sent

	pool bufferPool // a read's, or nil
	try  bool       // the call does not wait

	at      cursor        // the write has come so far
	single  cursor        // up to here GSO failed, and is under suspicion
	suspect syscall.Errno // for this
	size    int           // at datagrams of this size
	retried cursor        // what was sent again, since the error was an older one's

	attemptRead, attemptWrite func(fd uintptr) bool
}

var batchCalls = sync.Pool{New: func() any {
	b := new(batchCall)
	b.attemptRead, b.attemptWrite = b.readOnce, b.writeAll
	return b
}}

func (b *batchCall) release() {
	*b = batchCall{attemptRead: b.attemptRead, attemptWrite: b.attemptWrite}
	batchCalls.Put(b)
}

// read is ReadBatch, ReadReady or their form that does not wait.
func (c *BatchConn) read(ms []Datagram, p bufferPool, try bool) (int, error) {
	b := batchCalls.Get().(*batchCall)
	b.c, b.ms, b.pool, b.try = c, ms[:min(len(ms), messagesPerCall)], p, try
	err := c.raw.Read(b.attemptRead)
	n := b.n
	if b.err != nil {
		err = b.err
	}
	b.release()
	if n > 0 {
		c.stats.didRead(ms[:n])
		return n, nil
	}
	if err == nil {
		err = errNothingNow
	}
	return 0, err
}

// readOnce reports whether the read is over.
func (b *batchCall) readOnce(fd uintptr) bool {
	m := messageArrays.Get().(*messages)
	defer messageArrays.Put(m)
	if b.pool != nil {
		for i := range b.ms {
			b.ms[i].Buf = b.pool.Get(slabSize)
		}
	}
	m.forRead(b.c, b.ms)
	n, errno := m.receive(fd, len(b.ms))
	if n > 0 {
		vec.Received()
		m.took(b.c, b.ms[:n])
	}
	m.clear(len(b.ms), len(b.ms))
	b.n = n
	if b.pool != nil {
		for i := n; i < len(b.ms); i++ {
			b.pool.Put(b.ms[i].Buf)
			b.ms[i].Buf = nil
		}
	}
	switch errno {
	case 0:
	case syscall.EAGAIN:
		return b.try
	case syscall.ENOSYS:
		b.c.withoutBatches()
		b.err = errNoBatches
	default:
		b.err = os.NewSyscallError("recvmmsg", errno)
	}
	return true
}

// write is WriteBatch.
func (c *BatchConn) write(ms []Datagram, try bool) (int, error) {
	b := batchCalls.Get().(*batchCall)
	b.c, b.ms, b.try = c, ms, try
	b.retried = cursor{entry: -1}
	closed := c.raw.Write(b.attemptWrite)
	sent, err, at := b.n, b.err, b.at
	b.release()
	if closed != nil && err == nil {
		err = closed
	}
	if err == errNoBatches {
		more, err := c.writePortable(ms, at)
		return sent + more, err
	}
	return sent, err
}

// writeAll sends until all has been taken or refused, or the socket is full.
// It reports whether the write is over.
func (b *batchCall) writeAll(fd uintptr) bool {
	m := messageArrays.Get().(*messages)
	defer messageArrays.Put(m)
	for b.at.entry < len(b.ms) {
		laid, pieces := m.forWrite(b)
		vec.Sent()
		n, errno := b.send(m, fd, laid)
		m.clear(laid, pieces)
		if errno == 0 {
			b.took(m.runs[:n])
			continue
		}
		if errno == syscall.EINTR {
			continue
		}
		if errno == syscall.EAGAIN {
			if b.try {
				b.drop()
			}
			return b.try
		}
		if !b.refused(&m.runs[0], errno) {
			return true
		}
	}
	return true
}

func (b *batchCall) send(m *messages, fd uintptr, n int) (int, syscall.Errno) {
	if fail := b.c.cfg.fail; fail != nil {
		for i := range n {
			errno := fail(m.runs[i].count, m.runs[i].segment)
			if errno != 0 && i == 0 {
				return 0, errno
			}
			if errno != 0 {
				return m.send(fd, i) // the error comes again with the next call
			}
		}
	}
	return m.send(fd, n)
}

// took moves on behind what the system has accepted.
func (b *batchCall) took(runs []run) {
	if b.suspect != 0 && runs[0].segment == b.size {
		// Alone it is accepted: so it was the segmentation that was not.
		limit := b.size - 1
		if b.suspect == syscall.EIO { // no checksum offload: no size will do
			limit = 0
		}
		b.c.lowerLimit(limit)
		b.suspect = 0
	}
	sent := 0
	for i := range runs {
		sent += runs[i].count
	}
	b.at = runs[len(runs)-1].end
	b.n += sent
	b.c.stats.didWrite(sent)
}

// refused deals with the refusal of a run. It reports false if there is no
// use in going on.
func (b *batchCall) refused(r *run, errno syscall.Errno) bool {
	switch {
	case errno == syscall.ENOSYS:
		b.c.withoutBatches()
		b.err = errNoBatches
		return false
	case r.count > 1 && (errno == syscall.EIO || errno == syscall.EMSGSIZE || errno == syscall.EINVAL):
		b.single, b.suspect, b.size = r.end, errno, r.segment
		return true
	case b.c.connected && b.retried != b.at && isPeerErrno(errno):
		b.retried = b.at
		return true
	}
	if b.err == nil {
		b.err = os.NewSyscallError("sendmmsg", errno)
	}
	if errno == syscall.EBADF || errno == syscall.ENOTSOCK {
		return false
	}
	b.c.stats.refused.Add(int64(r.count))
	b.at = r.end
	if !b.alone(b.at) {
		b.suspect = 0 // nothing was accepted: segmentation is not to blame
	}
	return true
}

// drop refuses the rest: the socket has no room.
func (b *batchCall) drop() {
	rest := int64(0)
	for b.at.entry < len(b.ms) {
		_, b.at = b.at.next(b.ms)
		rest++
	}
	b.c.stats.refused.Add(rest)
	if b.err == nil {
		b.err = errFull
	}
}

// limits says what may leave as one message from a cursor on.
func (b *batchCall) limits(at cursor, parts int) runLimits {
	l := runLimits{parts: parts, anywhere: b.c.connected, tail: b.c.cfg.NoEqualTails || equalTailsBreak()}
	if !b.alone(at) {
		l.segment = b.c.segmentLimit()
	}
	return l
}

// alone reports whether a place is in front of where a segmentation that
// failed would have ended.
func (b *batchCall) alone(at cursor) bool {
	return at.entry < b.single.entry || at.entry == b.single.entry && at.offset < b.single.offset
}

// equalTailsBreak reports whether this kernel may write wrong lengths and
// checksums when the last segment is as long as the others: Linux 7.0 to
// 7.1.4, depending on the device.
var equalTailsBreak = sync.OnceValue(func() bool {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return false
	}
	return brokenTails(unix.ByteSliceToString(name.Release[:]))
})

func brokenTails(release string) bool {
	var v [3]int
	for i, field := range strings.SplitN(release, ".", 3) {
		end := 0
		for end < len(field) && '0' <= field[end] && field[end] <= '9' {
			end++
		}
		v[i], _ = strconv.Atoi(field[:end])
	}
	return v[0] == 7 && (v[1] == 0 || v[1] == 1 && v[2] < 5)
}

// zoneName returns the name of an interface, for a zone.
func (c *BatchConn) zoneName(index uint32) string {
	if name, ok := c.system.zones.Load(index); ok {
		return name.(string)
	}
	name := strconv.FormatUint(uint64(index), 10)
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		name = i.Name
	}
	c.system.zones.Store(index, name)
	return name
}

// zoneIndex is zoneName turned round; 0 if there is no such zone.
func (c *BatchConn) zoneIndex(name string) uint32 {
	if index, ok := c.system.zones.Load(name); ok {
		return index.(uint32)
	}
	n, err := strconv.ParseUint(name, 10, 32)
	if err != nil {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return 0 // the kernel will refuse it; it may come
		}
		n = uint64(i.Index)
	}
	c.system.zones.Store(name, uint32(n))
	return uint32(n)
}

// addr is an address as the kernel writes it.
func (c *BatchConn) addr(name *unix.RawSockaddrInet6) netip.AddrPort {
	switch name.Family {
	case unix.AF_INET:
		v4 := inet4(name)
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), hostOrder(v4.Port))
	case unix.AF_INET6:
		ip := netip.AddrFrom16(name.Addr).Unmap()
		if name.Scope_id != 0 && ip.Is6() {
			ip = ip.WithZone(c.zoneName(name.Scope_id))
		}
		return netip.AddrPortFrom(ip, hostOrder(name.Port))
	default:
		return netip.AddrPort{}
	}
}

// setAddr writes an address for the kernel, and returns its length.
func (c *BatchConn) setAddr(name *unix.RawSockaddrInet6, to netip.AddrPort) uint32 {
	ip := to.Addr()
	switch {
	case !ip.IsValid():
		return 0 // and the kernel says that it is missing
	case c.system.v6:
		*name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: hostOrder(to.Port()), Addr: ip.As16()}
		if zone := ip.Zone(); zone != "" {
			name.Scope_id = c.zoneIndex(zone)
		}
		return unix.SizeofSockaddrInet6
	case ip.Unmap().Is4():
		*inet4(name) = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: hostOrder(to.Port()), Addr: ip.Unmap().As4()}
		return unix.SizeofSockaddrInet4
	default: // which an IPv4 socket refuses
		*name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: hostOrder(to.Port()), Addr: ip.As16()}
		return unix.SizeofSockaddrInet6
	}
}
