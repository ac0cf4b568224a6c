package vecio_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/vecio"
)

// equal returns n datagrams of one size for one destination.
func equal(n, size int, to netip.AddrPort) []vecio.Datagram {
	ms := make([]vecio.Datagram, n)
	for i := range ms {
		ms[i] = vecio.Datagram{Data: numbered(i, size), Addr: to}
	}
	return ms
}

// mustArrive sends ms, which arrive as they are.
func mustArrive(t *testing.T, from, to *vecio.BatchConn, ms []vecio.Datagram) {
	t.Helper()
	if sent, err := from.WriteBatch(ms); sent != len(ms) || err != nil {
		t.Fatalf("WriteBatch of %d = %d, %v", len(ms), sent, err)
	}
	for i, d := range readDatagrams(t, to, len(ms)) {
		if !bytes.Equal(d.Data, ms[i].Data) {
			t.Fatalf("datagram %d is another", i)
		}
	}
}

func needOffload(t *testing.T) {
	t.Helper()
	if c := vecio.Capabilities(); !c.UDPGSO || !c.UDPGRO {
		t.Skipf("this kernel joins and cuts no datagrams, but has %v", c)
	}
}

// A batch takes the system calls that it should.
func TestBatchCalls(t *testing.T) {
	needOffload(t)
	for _, tt := range []struct {
		cfg           vecio.BatchConfig
		writes, reads int64
	}{
		{vecio.BatchConfig{}, 1, 1},
		{vecio.BatchConfig{NoGSO: true}, 2, 16}, // the reader brings 8 buffers
		{vecio.BatchConfig{NoGSO: true, NoGRO: true}, 2, 16},
		{vecio.PortableBatch(vecio.BatchConfig{}), 128, 128},
	} {
		from := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), tt.cfg)
		to := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), tt.cfg)
		mustArrive(t, from, to, equal(128, 100, addrOf(to.Conn(), "127.0.0.1")))
		if w, r := from.Stats().Writes, to.Stats().Reads; w != tt.writes || r != tt.reads {
			t.Errorf("%+v: %d writes, %d reads, want %d, %d", tt.cfg, w, r, tt.writes, tt.reads)
		}
	}
}

// What fails under segmentation is sent one by one, and the lesson is kept: for
// sizes that are refused, or, where the device cannot do it, for good.
func TestBatchFallbackIsSticky(t *testing.T) {
	needOffload(t)
	for _, tt := range []struct {
		errno syscall.Errno
		limit int // what remains after datagrams of 1000 bytes were refused
	}{{syscall.EIO, 0}, {syscall.EMSGSIZE, 999}, {syscall.EINVAL, 999}} {
		asked := 0
		from := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.FailingBatch(vecio.BatchConfig{}, func(count, size int) syscall.Errno {
			if count > 1 && size >= 1000 {
				asked++
				return tt.errno
			}
			return 0
		}))
		to := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
		dest := addrOf(to.Conn(), "127.0.0.1")
		for range 3 {
			mustArrive(t, from, to, equal(50, 1000, dest))
			mustArrive(t, from, to, equal(20, 1200, dest))
			mustArrive(t, from, to, equal(20, 999, dest))
		}
		s := from.Stats()
		if asked != 1 || s.Fallbacks != 1 || s.SegmentLimit != tt.limit || s.GSO != (tt.limit > 0) || s.Refused != 0 {
			t.Errorf("%v: asked %d times, then %+v; want once, and a limit of %d", tt.errno, asked, s, tt.limit)
		}
	}
}

// A datagram that is refused by itself says nothing about segmentation.
func TestBatchRefusalIsNoFallback(t *testing.T) {
	needOffload(t)
	for _, tt := range []struct {
		errno syscall.Errno
		tail  int // of what follows: 500 leaves with those that are refused
	}{
		{syscall.EIO, 500}, {syscall.EMSGSIZE, 500}, {syscall.EINVAL, 500},
		{syscall.EIO, 1100}, {syscall.EPERM, 1100}, {syscall.ENOBUFS, 1100},
	} {
		errno := tt.errno
		from := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.FailingBatch(vecio.BatchConfig{}, func(_, size int) syscall.Errno {
			if size == 1000 {
				return errno
			}
			return 0
		}))
		to := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
		dest := addrOf(to.Conn(), "127.0.0.1")
		ms := append(append(equal(3, 500, dest), equal(40, 1000, dest)...), equal(3, tt.tail, dest)...)
		sent, err := from.WriteBatch(ms)
		if sent != 6 || err == nil {
			t.Errorf("%v: sent %d, %v, want 6", errno, sent, err)
		}
		readDatagrams(t, to, 6)
		if s := from.Stats(); s.Fallbacks != 0 || s.SegmentLimit != vecio.MaxDatagram || s.Refused != 40 {
			t.Errorf("%v: %+v, want no fall-back and 40 refused", errno, s)
		}
	}
}

// A kernel without these calls is not asked again.
func TestBatchWithoutCalls(t *testing.T) {
	from := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.FailingBatch(vecio.BatchConfig{}, func(int, int) syscall.Errno {
		return syscall.ENOSYS
	}))
	to := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
	for range 2 {
		mustArrive(t, from, to, equal(10, 1000, addrOf(to.Conn(), "127.0.0.1")))
	}
	if s := from.Stats(); s.Batches || s.GSO || s.GRO || s.Fallbacks != 1 {
		t.Errorf("%+v, want single datagrams after one fall-back", s)
	}
	// And the socket no longer returns several datagrams as one.
	mustArrive(t, to, from, equal(10, 1000, addrOf(from.Conn(), "127.0.0.1")))
}

// The kernel's own refusals: a socket without checksums cannot segment, and a
// device does not take segments that are longer than its packets.
func TestBatchKernelRefuses(t *testing.T) {
	needOffload(t)
	t.Run("no checksums", func(t *testing.T) {
		from := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
		setOption(t, from.Conn(), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1)
		to := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
		for range 3 {
			mustArrive(t, from, to, equal(20, 1000, addrOf(to.Conn(), "127.0.0.1")))
		}
		if s := from.Stats(); s.Fallbacks != 1 || s.SegmentLimit != 999 {
			t.Errorf("%+v, want one fall-back", s)
		}
	})
	t.Run("small packets", func(t *testing.T) {
		inNetwork(t, 1500, func() {
			from := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
			to := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
			dest := addrOf(to.Conn(), "127.0.0.1")
			for range 3 {
				mustArrive(t, from, to, equal(10, 2000, dest)) // in fragments
				mustArrive(t, from, to, equal(40, 1472, dest))
			}
			if s := from.Stats(); s.Fallbacks != 1 || s.SegmentLimit != 1999 {
				t.Errorf("%+v, want one fall-back", s)
			}
		})
	})
}

func setOption(t *testing.T, c *net.UDPConn, level, option, value int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if outer := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, value) }); outer != nil || err != nil {
		t.Fatal(outer, err)
	}
}

// inNetwork runs f, which makes its own sockets, in a network of its own that
// consists of a loopback interface with packets of mtu bytes.
func inNetwork(t *testing.T, mtu int, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("a network of its own for packets of %d bytes needs root", mtu)
	}
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		runtime.LockOSThread() // never unlocked: the thread, and with it the namespace, ends here
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			failed <- fmt.Errorf("unshare: %w", err)
			return
		}
		if err := loopbackUp(mtu); err != nil {
			failed <- err
			return
		}
		f()
	}()
	err := <-failed
	if errors.Is(err, unix.EPERM) { // in a container even root may not
		t.Skipf("no network of its own for packets of %d bytes: %v", mtu, err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func loopbackUp(mtu int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint32(uint32(mtu))
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFMTU, lo); err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

func TestBatchMarksAndTimes(t *testing.T) {
	for _, k := range []struct{ name, network, listen, loopback string }{
		{"ipv4", "udp4", "127.0.0.1:0", "127.0.0.1"},
		{"ipv6", "udp6", "[::1]:0", "::1"},
		{"dual4", "udp", ":0", "127.0.0.1"},
		{"dual6", "udp", ":0", "::1"},
	} {
		cfg := vecio.BatchConfig{ECN: true, Timestamps: true}
		from := batchConn(t, listenUDP(t, k.network, k.listen), cfg)
		to := batchConn(t, listenUDP(t, k.network, k.listen), cfg)
		dest := addrOf(to.Conn(), k.loopback)
		var ms []vecio.Datagram
		for i := range 24 {
			ms = append(ms, vecio.Datagram{Data: numbered(i, 100), Addr: dest, ECN: vecio.ECN(i / 3 % 4)})
		}
		before := time.Now().Add(-time.Second) // the kernel's clock may be coarser
		if sent, err := from.WriteBatch(ms); sent != len(ms) || err != nil {
			t.Fatalf("%s: sent %d, %v", k.name, sent, err)
		}
		for i, d := range readDatagrams(t, to, len(ms)) {
			if d.ECN != ms[i].ECN || !bytes.Equal(d.Data, ms[i].Data) {
				t.Errorf("%s: datagram %d is marked %d, want %d", k.name, i, d.ECN, ms[i].ECN)
			}
			if d.Time.Before(before) || d.Time.After(time.Now().Add(time.Second)) {
				t.Errorf("%s: datagram %d came at %v, sent at %v", k.name, i, d.Time, before)
			}
		}
	}
	without := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
	ms := []vecio.Datagram{{Data: []byte("x"), Addr: addrOf(without.Conn(), "127.0.0.1"), ECN: vecio.CE}}
	without.WriteBatch(ms)
	if d := readDatagrams(t, without, 1)[0]; d.ECN != vecio.NotECT || !d.Time.IsZero() {
		t.Errorf("not asked for: %v, %v", d.ECN, d.Time)
	}
}

// A lender counts what it has lent.
type lender struct {
	lent, most, gets atomic.Int64
}

func (l *lender) Get(n int) []byte {
	l.gets.Add(1)
	if now := l.lent.Add(1); now > l.most.Load() {
		l.most.Store(now)
	}
	return make([]byte, n)
}

func (l *lender) Put([]byte) { l.lent.Add(-1) }

// A reader that waits holds no buffer, and takes no more than it fills.
func TestBatchReadReadyHoldsNothingWhileWaiting(t *testing.T) {
	to := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{NoGRO: true})
	from := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
	var pool lender
	ms := make([]vecio.Datagram, 4)
	for range 10 {
		tries := pool.gets.Load()
		type result struct {
			n   int
			err error
		}
		done := make(chan result)
		go func() {
			n, err := to.ReadReady(&pool, ms)
			done <- result{n, err}
		}()
		await.Until(t, "it has tried once, and waits", func() bool {
			return pool.gets.Load() == tries+4 && pool.lent.Load() == 0
		})
		from.WriteBatch(equal(2, 100, addrOf(to.Conn(), "127.0.0.1")))
		r := <-done
		if r.err != nil || r.n < 1 || r.n > 2 || pool.lent.Load() != int64(r.n) {
			t.Fatalf("%d, %v, %d lent", r.n, r.err, pool.lent.Load())
		}
		for i := range ms[:r.n] {
			pool.Put(ms[i].Buf)
		}
		if r.n == 1 {
			readDatagrams(t, to, 1)
			to.Conn().SetReadDeadline(time.Time{})
		}
	}
	to.Close()
	if n, err := to.ReadReady(&pool, ms); n != 0 || err == nil || pool.lent.Load() != 0 {
		t.Errorf("closed: %d, %v, %d lent", n, err, pool.lent.Load())
	}
}

func TestBatchAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	for _, k := range []struct{ name, network, listen, loopback string }{
		{"ipv4", "udp4", "127.0.0.1:0", "127.0.0.1"},
		{"dual", "udp", ":0", "::1"},
	} {
		for _, mode := range batchModes {
			from := batchConn(t, listenUDP(t, k.network, k.listen), mode.cfg)
			to := batchConn(t, listenUDP(t, k.network, k.listen), mode.cfg)
			ms := equal(32, 100, addrOf(to.Conn(), k.loopback))
			in := make([]vecio.Datagram, 8)
			for i := range in {
				in[i].Buf = make([]byte, 1<<16)
			}
			allocs := testing.AllocsPerRun(100, func() {
				if _, err := from.WriteBatch(ms); err != nil {
					t.Fatal(err)
				}
				for got := 0; got < len(ms); {
					n, err := to.ReadBatch(in)
					if err != nil {
						t.Fatal(err)
					}
					for i := range in[:n] {
						got += in[i].Count()
					}
				}
			})
			if allocs >= 1 { // less is a pool that a collection has emptied
				t.Errorf("%s, %s: %v allocations for %d datagrams there and back", k.name, mode.name, allocs, len(ms))
			}
		}
	}
}

func TestBrokenTails(t *testing.T) {
	for release, want := range map[string]bool{
		"6.18.44":           false,
		"6.99.1-rc1":        false,
		"7.0":               true,
		"7.0.0-14-generic":  true,
		"7.0.13":            true,
		"7.1.0-rc2":         true,
		"7.1.4-arch1":       true,
		"7.1.5":             false,
		"7.1.10":            false,
		"7.2.0":             false,
		"17.1.0":            false,
		"7":                 true,
		"":                  false,
		"garbage.1.nothing": false,
	} {
		if got := vecio.BrokenTails(release); got != want {
			t.Errorf("brokenTails(%q) = %v, want %v", release, got, want)
		}
	}
}

// With NoEqualTails no message ends with a datagram as long as the others.
func TestBatchNoEqualTails(t *testing.T) {
	needOffload(t)
	from := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{NoEqualTails: true})
	to := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
	dest := addrOf(to.Conn(), "127.0.0.1")
	for _, tt := range []struct {
		sizes   []int
		entries int // as which they arrive
	}{
		{slices.Repeat([]int{1000}, 8), 8},
		{append(slices.Repeat([]int{1000}, 8), 999), 1},
	} {
		var ms []vecio.Datagram
		for i, n := range tt.sizes {
			ms = append(ms, vecio.Datagram{Data: numbered(i, n), Addr: dest})
		}
		if sent, err := from.WriteBatch(ms); sent != len(ms) || err != nil {
			t.Fatal(sent, err)
		}
		in := make([]vecio.Datagram, 16)
		for i := range in {
			in[i].Buf = make([]byte, 1<<16)
		}
		if n, err := to.ReadBatch(in); n != tt.entries || err != nil {
			t.Errorf("%v arrive as %d, %v, want %d", tt.sizes, n, err, tt.entries)
		}
	}
}
