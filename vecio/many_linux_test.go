package vecio_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/internal/liveheap"
	"github.com/headrace-go/headrace/vecio"
)

// TestManyParkedRelays parks relays by the hundred, and with HEADRACE_SOAK=1 ten
// thousand of them, or as many as there may be files for; wakes all at once, in either direction; lets them park
// again; and finds everything back where it was when they have ended.
func TestManyParkedRelays(t *testing.T) {
	n := 300
	if os.Getenv("HEADRACE_SOAK") != "" {
		n = 10_000
	}
	const others = 200
	if most := (allowedFiles(t, 4*n+others) - others) / 4; n > most {
		t.Logf("%d relays, not %d: no more files may be open", most, n)
		n = most
	}
	p := newParker(t)
	files, goroutines := openFiles(t), runtime.NumGoroutine()
	crowd := func() (objects uint64) {
		before := liveHeap()
		relays := openMany(t, n)
		done := make(chan error, n)
		for _, r := range relays {
			cfg := vecio.RelayConfig{Parker: p, ParkAfter: time.Millisecond, IdleTimeout: -1}
			err := vecio.Start(t.Context(), r.a.inner, r.b.inner, cfg, func(_ vecio.RelayStats, err error) { done <- err })
			if err != nil {
				t.Fatal(err)
			}
		}
		awaitParked(t, p, 2*n)
		awaitGoroutines(t, goroutines)
		parked := liveHeap()
		t.Logf("%d parked relays: %d files each at both ends, %.1f objects and %.0f bytes each with the test's own connections",
			n, (openFiles(t)-files)/n, float64(parked.objects-before.objects)/float64(n), float64(parked.bytes-before.bytes)/float64(n))
		for round := range 2 {
			for i, r := range relays { // nothing waits for an answer: all wake
				from := r.a.outer
				if (i+round)%2 == 1 {
					from = r.b.outer
				}
				if _, err := from.Write([]byte{byte(i)}); err != nil {
					t.Fatal(err)
				}
			}
			buf := make([]byte, 1)
			for i, r := range relays {
				to := r.b.outer
				if (i+round)%2 == 1 {
					to = r.a.outer
				}
				if _, err := io.ReadFull(to, buf); err != nil || buf[0] != byte(i) {
					t.Fatalf("relay %d: read %d, %v", i, buf[0], err)
				}
			}
			awaitParked(t, p, 2*n)
		}
		for _, r := range relays {
			r.a.outer.Close()
		}
		for _, r := range relays {
			if k, err := r.b.outer.Read(make([]byte, 1)); k != 0 || err != io.EOF {
				t.Fatalf("at the end: %d, %v, want EOF", k, err)
			}
			r.b.outer.Close()
		}
		for range n {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		awaitParked(t, p, 0)
		awaitGoroutines(t, goroutines)
		return liveHeap().objects
	}
	// The runtime keeps records of the goroutines that there have been.
	first := crowd()
	second := crowd()
	if second > first+4*uint64(n) { // a relay that stayed would be some forty
		t.Errorf("%d objects after one crowd of %d relays, %d after another", first, n, second)
	}
	if after := openFiles(t); after > files { // what earlier tests left may go
		t.Errorf("%d files open before, %d after", files, after)
	}
}

type pairOfLegs struct{ a, b leg }

// openMany returns connections whose client addresses are spread over 127/8, so
// that no pair of addresses runs out of ports.
func openMany(t *testing.T, n int) []pairOfLegs {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dial := func(i int) leg {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(i>>8), byte(i))}}
		outer, err := d.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		inner, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return leg{outer, inner}
	}
	relays := make([]pairOfLegs, n)
	for i := range relays {
		relays[i] = pairOfLegs{dial(2 * i), dial(2*i + 1)}
	}
	return relays
}

// allowedFiles returns how many files may be open, once as many as n are asked
// for.
func allowedFiles(t *testing.T, n int) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur >= uint64(n) {
		return n
	}
	more := syscall.Rlimit{Cur: uint64(n), Max: max(limit.Max, uint64(n))}
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &more) != nil {
		return int(limit.Cur)
	}
	t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) })
	return n
}

type heap struct{ objects, bytes uint64 }

func liveHeap() heap {
	m := liveheap.Stats()
	return heap{m.HeapObjects, m.HeapAlloc}
}

func awaitGoroutines(t *testing.T, n int) {
	t.Helper()
	await.Until(t, fmt.Sprintf("there are %d goroutines", n), func() bool { return runtime.NumGoroutine() <= n })
}
