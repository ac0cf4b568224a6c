package connpool_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace-go/headrace/connpool"
)

// legs returns both ends of a connection of which both have the options: the one
// that dialed and the one that was accepted.
func legs(t *testing.T, o connpool.SocketOptions) (dialed, accepted net.Conn) {
	t.Helper()
	lc := o.ListenConfig(net.ListenConfig{})
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	d := o.Dialer(net.Dialer{})
	if dialed, err = d.DialContext(t.Context(), "tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialed.Close() })
	if o.FastOpen { // a dial that has seen the server before is no connection yet
		dialed.Write([]byte("x"))
	}
	if accepted, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close() })
	return dialed, accepted
}

func getInt(t *testing.T, c net.Conn, level, name int) int {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var v int
	if cerr := raw.Control(func(fd uintptr) { v, err = unix.GetsockoptInt(int(fd), level, name) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	return v
}

// TestOptionsAreSet reads every option back, on both legs.
func TestOptionsAreSet(t *testing.T) {
	type value struct {
		name       string
		level, opt int
		want       int
		dialedOnly bool
	}
	keepAlive := func(on, idle, interval, count, user int) []value {
		return []value{
			{name: "SO_KEEPALIVE", level: unix.SOL_SOCKET, opt: unix.SO_KEEPALIVE, want: on},
			{name: "TCP_KEEPIDLE", level: unix.IPPROTO_TCP, opt: unix.TCP_KEEPIDLE, want: idle},
			{name: "TCP_KEEPINTVL", level: unix.IPPROTO_TCP, opt: unix.TCP_KEEPINTVL, want: interval},
			{name: "TCP_KEEPCNT", level: unix.IPPROTO_TCP, opt: unix.TCP_KEEPCNT, want: count},
			{name: "TCP_USER_TIMEOUT", level: unix.IPPROTO_TCP, opt: unix.TCP_USER_TIMEOUT, want: user},
		}
	}
	for _, c := range []struct {
		o    connpool.SocketOptions
		want []value
	}{
		{connpool.SocketOptions{}, keepAlive(1, 30, 5, 6, 60_000)},
		{connpool.SocketOptions{KeepAliveIdle: 1500 * time.Millisecond, KeepAliveInterval: time.Second, KeepAliveCount: 2}, keepAlive(1, 2, 1, 2, 3500)},
		{connpool.SocketOptions{UserTimeout: 1234 * time.Millisecond}, keepAlive(1, 30, 5, 6, 1234)},
		{connpool.SocketOptions{UserTimeout: -1}, keepAlive(1, 30, 5, 6, 0)},
		{connpool.SocketOptions{KeepAliveIdle: -1}, []value{
			{name: "SO_KEEPALIVE", level: unix.SOL_SOCKET, opt: unix.SO_KEEPALIVE, want: 0},
			{name: "TCP_USER_TIMEOUT", level: unix.IPPROTO_TCP, opt: unix.TCP_USER_TIMEOUT, want: 0},
		}},
		{connpool.SocketOptions{NotSentLowat: 128 << 10, ReceiveBuffer: 64 << 10, SendBuffer: 96 << 10}, []value{
			{name: "TCP_NOTSENT_LOWAT", level: unix.IPPROTO_TCP, opt: unix.TCP_NOTSENT_LOWAT, want: 128 << 10},
			// The kernel doubles what it is asked for, for its own needs.
			{name: "SO_RCVBUF", level: unix.SOL_SOCKET, opt: unix.SO_RCVBUF, want: 128 << 10},
			{name: "SO_SNDBUF", level: unix.SOL_SOCKET, opt: unix.SO_SNDBUF, want: 192 << 10},
		}},
		{connpool.SocketOptions{FastOpen: true}, []value{
			{name: "TCP_FASTOPEN_CONNECT", level: unix.IPPROTO_TCP, opt: unix.TCP_FASTOPEN_CONNECT, want: 1, dialedOnly: true},
		}},
	} {
		dialed, accepted := legs(t, c.o)
		for _, v := range c.want {
			if got := getInt(t, dialed, v.level, v.opt); got != v.want {
				t.Errorf("%+v: dialed %s = %d, want %d", c.o, v.name, got, v.want)
			}
			if v.dialedOnly {
				continue
			}
			if got := getInt(t, accepted, v.level, v.opt); got != v.want {
				t.Errorf("%+v: accepted %s = %d, want %d", c.o, v.name, got, v.want)
			}
		}
	}
}

func TestFastOpenListens(t *testing.T) {
	lc := connpool.SocketOptions{FastOpen: true}.ListenConfig(net.ListenConfig{})
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	raw, err := ln.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if n, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_FASTOPEN); n == 0 || err != nil {
			t.Errorf("TCP_FASTOPEN = %d, %v", n, err)
		}
	})
}

// TestPrivilegedOptions reads back what takes root.
func TestPrivilegedOptions(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("marks and devices need root: they are not read back")
	}
	dialed, accepted := legs(t, connpool.SocketOptions{Mark: 0x80000007, Device: "lo", CongestionControl: "reno"})
	for _, c := range []net.Conn{dialed, accepted} {
		if got := uint32(getInt(t, c, unix.SOL_SOCKET, unix.SO_MARK)); got != 0x80000007 {
			t.Errorf("SO_MARK = %#x", got)
		}
		raw, _ := c.(syscall.Conn).SyscallConn()
		raw.Control(func(fd uintptr) {
			if name, err := unix.GetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE); err != nil || name != "lo" {
				t.Errorf("SO_BINDTODEVICE = %q, %v", name, err)
			}
			if name, err := unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION); err != nil || strings.TrimRight(name, "\x00") != "reno" {
				t.Errorf("TCP_CONGESTION = %q, %v", name, err)
			}
		})
	}
}

// TestMultipath: an ordinary connection is made where the system has no other.
func TestMultipath(t *testing.T) {
	dialed, accepted := legs(t, connpool.SocketOptions{Multipath: true, UserTimeout: -1})
	multipath, err := dialed.(*net.TCPConn).MultipathTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("Multipath TCP: %v", multipath)
	dialed.Write([]byte("x"))
	if n, err := accepted.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Fatal(err)
	}
}

// TestUDPTakesWhatIsItsOwn: nothing of TCP is set on a socket that is not.
func TestUDPTakesWhatIsItsOwn(t *testing.T) {
	d := connpool.SocketOptions{SendBuffer: 64 << 10, FastOpen: true, NotSentLowat: 1}.Dialer(net.Dialer{})
	c, err := d.DialContext(t.Context(), "udp", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := getInt(t, c, unix.SOL_SOCKET, unix.SO_SNDBUF); got != 128<<10 {
		t.Errorf("SO_SNDBUF = %d", got)
	}
}

// TestTimersAreSeen: the kernel's own tool shows the keep-alive timer of both.
func TestTimersAreSeen(t *testing.T) {
	ss, err := exec.LookPath("ss")
	if err != nil {
		t.Skip("no ss to show timers with (Debian: iproute2)")
	}
	dialed, _ := legs(t, connpool.SocketOptions{})
	// Both ports: others on this machine may have one of them too.
	near, far := dialed.LocalAddr().(*net.TCPAddr).Port, dialed.RemoteAddr().(*net.TCPAddr).Port
	out, err := exec.Command(ss, "-tnoH", "state", "established",
		fmt.Sprintf("( sport = :%d and dport = :%d ) or ( sport = :%[2]d and dport = :%[1]d )", near, far)).Output()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out), "timer:(keepalive,"); n != 2 {
		t.Errorf("ss shows %d keep-alive timers, want 2:\n%s", n, out)
	}
}
