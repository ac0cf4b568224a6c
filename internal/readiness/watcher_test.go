package readiness_test

import (
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/readiness"
)

func eachWatcher(t *testing.T, f func(t *testing.T, w *readiness.Watcher)) {
	t.Run("system", func(t *testing.T) {
		w, err := readiness.NewWatcher()
		if err != nil {
			t.Fatal(err)
		}
		f(t, w)
	})
	t.Run("portable", func(t *testing.T) { f(t, readiness.NewPortableWatcher()) })
}

func sysConn(c net.Conn) syscall.Conn { return c.(syscall.Conn) }

func TestWatchWakesOnce(t *testing.T) {
	eachWatcher(t, func(t *testing.T, w *readiness.Watcher) {
		for name, cause := range map[string]func(peer net.Conn){
			"data":  func(peer net.Conn) { peer.Write([]byte("x")) },
			"end":   func(peer net.Conn) { peer.(*net.TCPConn).CloseWrite() },
			"reset": func(peer net.Conn) { peer.(*net.TCPConn).SetLinger(0); peer.Close() },
		} {
			for _, before := range []bool{false, true} {
				a, b := faultconn.Sockets(t, "tcp")
				if before {
					cause(a)
				}
				woken := make(chan struct{}, 2)
				if w.Watch(sysConn(b), func() { woken <- struct{}{} }) == nil {
					t.Fatal("not watched")
				}
				if !before {
					cause(a)
				}
				<-woken
				a.Write([]byte("y"))
				if len(woken) > 0 {
					t.Errorf("%s: woken twice", name)
				}
			}
		}
		if n := w.Len(); n != 0 {
			t.Errorf("%d still watched", n)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err := w.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v, want net.ErrClosed", err)
		}
	})
}

func TestWatchAgainAndAgain(t *testing.T) {
	eachWatcher(t, func(t *testing.T, w *readiness.Watcher) {
		defer w.Close()
		a, b := faultconn.Sockets(t, "tcp")
		s := socket(t, b)
		buf := make([]byte, 1)
		for i := range 200 {
			woken := make(chan struct{})
			cancel := w.Watch(sysConn(b), func() { close(woken) })
			if cancel == nil {
				t.Fatal("not watched")
			}
			if i%3 == 0 { // a wait that is taken back leaves nothing behind
				cancel()
				cancel()
				woken = make(chan struct{})
				if w.Watch(sysConn(b), func() { close(woken) }) == nil {
					t.Fatal("not watched")
				}
			}
			a.Write([]byte{byte(i)})
			<-woken
			if n, err := s.TryRead(buf); n != 1 || err != nil || buf[0] != byte(i) {
				t.Fatalf("round %d: read %d, %v", i, n, err)
			}
		}
	})
}

func TestCancelledIsNotWoken(t *testing.T) {
	eachWatcher(t, func(t *testing.T, w *readiness.Watcher) {
		a, b := faultconn.Sockets(t, "tcp")
		cancel := w.Watch(sysConn(b), func() { t.Error("woken") })
		cancel()
		a.Write([]byte("x"))
		if n, err := b.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Fatalf("the socket is not as it was: %d, %v", n, err)
		}
		w.Close()
	})
}

func TestCloseWakesAll(t *testing.T) {
	eachWatcher(t, func(t *testing.T, w *readiness.Watcher) {
		const n = 50
		var woken atomic.Int32
		var socks []net.Conn
		for range n {
			_, b := faultconn.Sockets(t, "tcp")
			socks = append(socks, b)
			if w.Watch(sysConn(b), func() { woken.Add(1) }) == nil {
				t.Fatal("not watched")
			}
		}
		w.Close()
		if got := woken.Load(); got != n {
			t.Errorf("%d of %d woken", got, n)
		}
		if w.Watch(sysConn(socks[0]), func() { t.Error("woken") }) != nil {
			t.Error("a closed Watcher watches")
		}
	})
}

// TestWatchEnd: what arrives wakes nobody, and the socket is in use meanwhile.
func TestWatchEnd(t *testing.T) {
	w, err := readiness.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for name, end := range map[string]func(peer net.Conn){
		"end":   func(peer net.Conn) { peer.(*net.TCPConn).CloseWrite() },
		"reset": func(peer net.Conn) { peer.(*net.TCPConn).SetLinger(0); peer.Close() },
	} {
		a, b := faultconn.Sockets(t, "tcp")
		woken := make(chan struct{}, 2)
		cancel := w.WatchEnd(sysConn(b), func() { woken <- struct{}{} })
		if cancel == nil {
			if runtime.GOOS == "linux" {
				t.Fatal("not watched")
			}
			t.Skip("this system cannot watch for the end alone")
		}
		buf := make([]byte, 1)
		for range 20 {
			a.Write([]byte("x"))
			b.Read(buf)
			b.Write(buf)
			a.Read(buf)
		}
		if len(woken) > 0 {
			t.Errorf("%s: woken by data", name)
		}
		end(a)
		<-woken
		cancel()
	}
	if n := w.Len(); n != 0 {
		t.Errorf("%d still watched", n)
	}
	if readiness.NewPortableWatcher().WatchEnd(sysConn(sockets(t)), func() {}) != nil {
		t.Error("a watcher without epoll watches for the end alone")
	}
}

func sockets(t *testing.T) net.Conn {
	_, b := faultconn.Sockets(t, "tcp")
	return b
}

// TestForeignClose: a socket that is closed under the watcher is found by the
// sweep, and its slot does not stay.
func TestForeignClose(t *testing.T) {
	w, err := readiness.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	woken := make(chan struct{})
	_, b := faultconn.Sockets(t, "tcp")
	_, other := faultconn.Sockets(t, "tcp")
	w.Watch(sysConn(b), func() { close(woken) })
	w.Watch(sysConn(other), func() {})
	b.Close()
	w.SweepNow()
	<-woken
	if n := w.Len(); n != 1 {
		t.Errorf("%d watched, want the one that is open", n)
	}
	if w.Watch(sysConn(b), func() {}) != nil {
		t.Error("a closed socket is watched")
	}
}

// TestManyWakeAtOnce also reuses slots and descriptors under the events.
func TestManyWakeAtOnce(t *testing.T) {
	w, err := readiness.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	const n = 1500
	for range 2 {
		var all sync.WaitGroup
		var peers []net.Conn
		for range n {
			a, b := faultconn.Sockets(t, "tcp")
			peers = append(peers, a)
			all.Add(1)
			if w.Watch(sysConn(b), all.Done) == nil {
				t.Fatal("not watched")
			}
		}
		for _, a := range peers {
			a.Close()
		}
		all.Wait()
		if got := w.Len(); got != 0 {
			t.Fatalf("%d still watched", got)
		}
	}
}

// TestWatchDatagrams: the sockets of a NAT table, each watched again after it
// has been read empty.
func TestWatchDatagrams(t *testing.T) {
	eachWatcher(t, func(t *testing.T, w *readiness.Watcher) {
		defer w.Close()
		const n, rounds = 50, 5
		sender, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer sender.Close()
		woken := make(chan int, n)
		socks := make([]*net.UDPConn, n)
		watch := func(i int) {
			if w.Watch(socks[i], func() { woken <- i }) == nil {
				t.Fatal("not watched")
			}
		}
		for i := range socks {
			if socks[i], err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
				t.Fatal(err)
			}
			defer socks[i].Close()
			watch(i)
		}
		buf := make([]byte, 10)
		for round := range rounds {
			for _, c := range socks {
				if _, err := sender.WriteToUDPAddrPort([]byte{byte(round)}, c.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
					t.Fatal(err)
				}
			}
			seen := map[int]bool{}
			for range n {
				i := <-woken
				if seen[i] {
					t.Fatalf("socket %d woken twice", i)
				}
				seen[i] = true
				if k, _, err := socks[i].ReadFromUDPAddrPort(buf); k != 1 || err != nil || buf[0] != byte(round) {
					t.Fatalf("round %d, socket %d: read %d, %v", round, i, k, err)
				}
			}
			for i := range socks {
				watch(i)
			}
		}
		if got := w.Len(); got != n {
			t.Errorf("%d watched, want %d", got, n)
		}
	})
}
