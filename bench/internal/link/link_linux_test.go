package link_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headrace-go/headrace/bench/internal/link"
	"github.com/headrace-go/headrace/bench/internal/link/bridge"
	"golang.org/x/sys/unix"
)

// families calls f with the server's address of each IP version, with port 0.
func families(t *testing.T, l *link.Link, f func(t *testing.T, address string)) {
	for name, addr := range map[string]netip.Addr{"IPv4": l.Addr(link.Server), "IPv6": l.Addr6(link.Server)} {
		t.Run(name, func(t *testing.T) { f(t, netip.AddrPortFrom(addr, 0).String()) })
	}
}

func TestConnectTakesARoundTrip(t *testing.T) {
	l := newLink(t, link.Config{})
	families(t, l, func(t *testing.T, address string) {
		ln, err := l.Listen(t.Context(), link.Server, "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		for range 3 {
			start := time.Now()
			conn, err := l.Dial(t.Context(), link.Client, "tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(start)
			conn.Close()
			if took < 20*time.Millisecond {
				t.Errorf("a connect took %v on a link of 10 ms each way", took)
			}
			t.Logf("connect: %v", took)
		}
	})
}

func TestDatagramsTakeARoundTrip(t *testing.T) {
	l := newLink(t, link.Config{})
	families(t, l, func(t *testing.T, address string) {
		conn := dialEcho(t, l, address)
		for range 3 {
			took := ping(t, conn)
			if took < 20*time.Millisecond {
				t.Errorf("a datagram was back after %v on a link of 10 ms each way", took)
			}
			t.Logf("there and back: %v", took)
		}
	})
}

// dialEcho starts a UDP echo server and connects to it, until the test ends.
func dialEcho(t *testing.T, l *link.Link, address string) net.Conn {
	t.Helper()
	server, err := l.ListenPacket(t.Context(), link.Server, "udp", address)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			if _, err := server.WriteTo(buf[:n], from); err != nil {
				return
			}
		}
	}()
	conn, err := l.Dial(t.Context(), link.Client, "udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); server.Close(); <-ended })
	return conn
}

func ping(t *testing.T, conn net.Conn) time.Duration {
	t.Helper()
	start := time.Now()
	if _, err := conn.Write(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

// TestTCPArrivesIntact sends enough for whole trains of multi-segment packets, with open
// checksums, both ways at once.
func TestTCPArrivesIntact(t *testing.T) {
	const size = 4 << 20
	l := newLink(t, link.Config{Shape: bridge.Shape{Delay: time.Millisecond}})
	families(t, l, func(t *testing.T, address string) {
		ln, err := l.Listen(t.Context(), link.Server, "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		client, err := l.Dial(t.Context(), link.Client, "tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		server, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		results := make(chan error, 4)
		for i, way := range [][2]net.Conn{{client, server}, {server, client}} {
			data := make([]byte, size)
			random := rand.NewChaCha8([32]byte{byte(i)})
			random.Read(data)
			go func() {
				_, err := way[0].Write(data)
				results <- err
			}()
			go func() {
				got := make([]byte, size)
				_, err := io.ReadFull(way[1], got)
				if err == nil && !bytes.Equal(got, data) {
					err = errors.New("what arrived is not what was sent")
				}
				results <- err
			}()
		}
		for range cap(results) {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	})
	r, err := l.Report()
	if err != nil {
		t.Fatal(err)
	}
	if r.Offload && r.Up.Crossings == r.Up.Packets {
		t.Errorf("%d packets took as many crossings: no multi-segment packet crossed", r.Up.Packets)
	}
}

// TestUDPSegmentsAreCounted hands the kernel ten datagrams in one write (UDP_SEGMENT).
func TestUDPSegmentsAreCounted(t *testing.T) {
	const segments, size = 10, 1200
	l := newLink(t, link.Config{Shape: bridge.Shape{Delay: time.Millisecond}})
	families(t, l, func(t *testing.T, address string) {
		server, err := l.ListenPacket(t.Context(), link.Server, "udp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		conn, err := l.Dial(t.Context(), link.Client, "udp", server.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		setOption(t, conn, unix.SOL_UDP, unix.UDP_SEGMENT, size)
		before, err := l.Report()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(make([]byte, segments*size)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 65535)
		for i := range segments {
			if n, _, err := server.ReadFrom(buf); n != size || err != nil {
				t.Fatalf("datagram %d has %d bytes, %v, want %d", i, n, err, size)
			}
		}
		after, err := l.Report()
		if err != nil {
			t.Fatal(err)
		}
		headers := int64(after.Up.Bytes-before.Up.Bytes-segments*size) / segments
		if got := after.Up.Packets - before.Up.Packets; got != segments || headers != 28 && headers != 48 {
			t.Errorf("%d packets with %d bytes of headers crossed, want %d with their own IP and UDP headers", got, headers, segments)
		}
		t.Logf("%d crossings", after.Up.Crossings-before.Up.Crossings) // 1 from Linux 6.2 on
	})
}

func setOption(t *testing.T, conn net.Conn, level, option, value int) {
	t.Helper()
	raw, err := conn.(interface {
		SyscallConn() (syscall.RawConn, error)
	}).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), level, option, value) })
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
}

// TestDropsAreCounted floods a short queue: each datagram arrives or is in the count.
func TestDropsAreCounted(t *testing.T) {
	const sent, size = 500, 1400
	l := newLink(t, link.Config{Shape: bridge.Shape{Rate: 10e6, Delay: time.Millisecond, Queue: 20 * (size + 28)}})
	server, err := l.ListenPacket(t.Context(), link.Server, "udp", netip.AddrPortFrom(l.Addr(link.Server), 0).String())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	// Whatever gets through must find room, even if this test does not come to read it.
	setOption(t, server.(*net.UDPConn), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, sent*4096)
	conn, err := l.Dial(t.Context(), link.Client, "udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	datagram := make([]byte, size)
	for i := range sent {
		binary.BigEndian.PutUint64(datagram, uint64(i))
		if _, err := conn.Write(datagram); err != nil {
			t.Fatal(err)
		}
	}
	var r link.Report
	for r.Up.Packets+r.Up.DroppedPackets < sent {
		if r, err = l.Report(); err != nil {
			t.Fatal(err)
		}
		if r.DeviceDrops[link.Client] > 0 {
			t.Fatalf("the device lost %d packets", r.DeviceDrops[link.Client])
		}
	}
	if r.Up.Packets+r.Up.DroppedPackets != sent || r.Up.DroppedPackets == 0 || r.Up.Packets < 20 ||
		r.Up.DroppedBytes != r.Up.DroppedPackets*(size+28) || r.Up.MaxQueueBytes > r.Queue {
		t.Fatalf("%d datagrams were sent, and the report is %+v", sent, r.Up)
	}
	last := int64(-1)
	for range r.Up.Packets {
		n, _, err := server.ReadFrom(datagram)
		if err != nil {
			t.Fatal(err)
		}
		if i := int64(binary.BigEndian.Uint64(datagram)); n != size || i <= last {
			t.Fatalf("datagram %d of %d bytes arrived after datagram %d", i, n, last)
		} else {
			last = i
		}
	}
}

func TestStartRunsInside(t *testing.T) {
	l := newLink(t, link.Config{})
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	seen := []string{own}
	for side := range link.Server + 1 {
		want, err := namespaceOf(l, side)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		cmd := exec.Command("readlink", "/proc/self/ns/net")
		cmd.Stdout = &out
		if err := l.Start(side, cmd); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		got := strings.TrimSpace(out.String())
		if got != want || slices.Contains(seen, got) {
			t.Errorf("a process of the %v is in %s, functions are in %s, others in %v", side, got, want, seen)
		}
		seen = append(seen, got)
	}
	if err := l.Start(link.Client, exec.Command("/nonexistent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Start of a program that does not exist = %v", err)
	}
}

func TestDoReturnsWhatHappened(t *testing.T) {
	l := newLink(t, link.Config{})
	want := errors.New("on purpose")
	if err := l.Do(link.Client, func() error { return want }); err != want {
		t.Errorf("Do = %v, want the function's error", err)
	}
	if err := l.Do(link.Client, func() error { runtime.Goexit(); return nil }); err == nil {
		t.Error("Do of a function that ends its goroutine returned nil")
	}
	if _, err := l.Dial(t.Context(), link.Client, "tcp", "localhost:80"); err == nil {
		t.Error("Dial of a name, which would be looked up outside, returned no error")
	}
}

func TestCongestionControl(t *testing.T) {
	l := newLink(t, link.Config{CongestionControl: "reno"})
	r, err := l.Report()
	if want := [2]string{"reno", "reno"}; err != nil || r.CongestionControl != want {
		t.Errorf("Report() = %v, %v, want %v", r.CongestionControl, err, want)
	}
	if l, err := link.New(t.Context(), link.Config{CongestionControl: "nonesuch", Bridge: os.Getenv(bridgeVariable)}); err == nil {
		l.Close()
		t.Error("New with an unknown congestion control returned no error")
	}
	for _, name := range congestionControls(t, "available") {
		if slices.Contains(congestionControls(t, "allowed"), name) {
			continue
		}
		l, err := link.New(t.Context(), link.Config{CongestionControl: name, Bridge: os.Getenv(bridgeVariable)})
		if err == nil {
			l.Close()
		}
		if err == nil || errors.Is(err, link.ErrUnavailable) || !strings.Contains(err.Error(), "tcp_allowed_congestion_control") {
			t.Errorf("New with %s, which the machine does not allow: %v", name, err)
		}
	}
}

func congestionControls(t *testing.T, kind string) []string {
	t.Helper()
	b, err := os.ReadFile("/proc/sys/net/ipv4/tcp_" + kind + "_congestion_control")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

// TestLinksAreIndependent uses two links, which have the same addresses, at once.
func TestLinksAreIndependent(t *testing.T) {
	a := newLink(t, link.Config{Shape: bridge.Shape{Delay: time.Millisecond}})
	b := newLink(t, link.Config{Shape: bridge.Shape{Delay: 2 * time.Millisecond}})
	address := netip.AddrPortFrom(a.Addr(link.Server), 0).String()
	toA, toB := dialEcho(t, a, address), dialEcho(t, b, address)
	for range 3 {
		ping(t, toA)
	}
	ping(t, toB)
	for _, tt := range []struct {
		l    *link.Link
		want int64
	}{{a, 3}, {b, 1}} {
		if r, err := tt.l.Report(); err != nil || r.Up.Packets != tt.want || r.Down.Packets != tt.want {
			t.Errorf("Report() = %+v, %v, want %d packets each way", r, err, tt.want)
		}
	}
}

func TestNewFails(t *testing.T) {
	newLink(t, link.Config{}).Close() // skips where there can be none
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		ctx context.Context
		cfg link.Config
	}{
		"bad shape": {t.Context(), link.Config{Shape: bridge.Shape{Rate: -1}, Bridge: os.Getenv(bridgeVariable)}},
		"no bridge": {t.Context(), link.Config{Bridge: "/nonexistent"}},
		"not one":   {t.Context(), link.Config{Bridge: "/bin/false"}},
		"cancelled": {cancelled, link.Config{Bridge: os.Getenv(bridgeVariable)}},
	} {
		if l, err := link.New(tt.ctx, tt.cfg); err == nil || errors.Is(err, link.ErrUnavailable) {
			t.Errorf("%s: New = %v, %v, want an error of its own", name, l, err)
		}
	}
}

func TestBridgeThatDiesIsReported(t *testing.T) {
	cfg := link.Config{Bridge: os.Getenv(bridgeVariable)}
	newLink(t, cfg).Close()
	l, err := link.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	bridge, err := os.FindProcess(l.BridgePID())
	if err != nil {
		t.Fatal(err)
	}
	if err := bridge.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Report(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("Report() = %v, want that the bridge was killed", err)
	}
	if err := l.Close(); err == nil {
		t.Error("Close returned no error though the bridge was gone")
	}
}
