package vecio_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/vecio"
)

// parkable are the legs whose relays a Parker can take over.
var parkable = []string{"tcp", "unix", "wrapped", "layered", "tls"}

func parkableLeg(t testing.TB, name string) leg {
	for _, l := range legs {
		if l.name == name {
			return l.make(t)
		}
	}
	t.Fatalf("no leg %q", name)
	return leg{}
}

// awaitParked returns when p watches n sockets.
func awaitParked(t testing.TB, p *vecio.Parker, n int) {
	t.Helper()
	await.Until(t, fmt.Sprintf("%d sockets are parked", n), func() bool { return p.Stats().Watched == n })
}

func TestParkedRelayHasNoGoroutines(t *testing.T) {
	for _, x := range parkable {
		for _, y := range parkable {
			t.Run(x+"-"+y, func(t *testing.T) {
				a, b := parkableLeg(t, x), parkableLeg(t, y)
				p := newParker(t)
				before := runtime.NumGoroutine()
				done := start(t, t.Context(), a, b, vecio.RelayConfig{Parker: p, ParkAfter: time.Microsecond})
				buf := make([]byte, 3)
				for i := range 20 {
					awaitParked(t, p, 2)
					await.Until(t, "the relay's goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
					from, to := a.outer, b.outer
					if i%2 == 1 {
						from, to = to, from
					}
					from.Write([]byte("abc"))
					if _, err := io.ReadFull(to, buf); err != nil || string(buf) != "abc" {
						t.Fatalf("round %d: %q, %v", i, buf, err)
					}
				}
				awaitParked(t, p, 2)
				a.outer.(interface{ CloseWrite() error }).CloseWrite()
				if _, err := b.outer.Read(buf); err != io.EOF {
					t.Fatalf("a parked relay did not hand on the end: %v", err)
				}
				awaitParked(t, p, 1) // half closed, and parked again
				b.outer.Write([]byte("xyz"))
				if _, err := io.ReadFull(a.outer, buf); err != nil || string(buf) != "xyz" {
					t.Fatalf("half-closed: %q, %v", buf, err)
				}
				awaitParked(t, p, 1)
				b.outer.Close()
				if r := <-done; r.err != nil {
					t.Fatal(r.err)
				}
				if n := p.Stats().Watched; n != 0 {
					t.Fatalf("%d sockets watched after the end", n)
				}
			})
		}
	}
}

func TestParkedRelayIsCut(t *testing.T) {
	for _, x := range parkable {
		a, b := parkableLeg(t, x), parkableLeg(t, x)
		p := newParker(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := start(t, ctx, a, b, vecio.RelayConfig{Parker: p, ParkAfter: time.Microsecond})
		awaitParked(t, p, 2)
		cancel()
		if r := <-done; r.err != context.Canceled {
			t.Errorf("%s: %v, want context.Canceled", x, r.err)
		}
		awaitParked(t, p, 0)
	}
}

func TestParkedRelayIdles(t *testing.T) {
	a, b := socketLeg(t, "tcp"), socketLeg(t, "tcp")
	p := newParker(t)
	done := start(t, t.Context(), a, b, vecio.RelayConfig{Parker: p, ParkAfter: time.Microsecond, IdleTimeout: 50 * time.Millisecond})
	if r := <-done; r.err != vecio.ErrIdle {
		t.Fatalf("%v, want ErrIdle", r.err)
	}
	if n, err := a.outer.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("an idle end, with nothing lost: %d, %v, want EOF", n, err)
	}
}

func TestParkerCloseGivesGoroutinesBack(t *testing.T) {
	a, b := socketLeg(t, "tcp"), socketLeg(t, "tcp")
	p := newParker(t)
	done := start(t, t.Context(), a, b, vecio.RelayConfig{Parker: p, ParkAfter: time.Microsecond})
	awaitParked(t, p, 2)
	p.Close()
	a.outer.Write([]byte("abc"))
	if _, err := io.ReadFull(b.outer, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	a.outer.Close()
	b.outer.Close()
	<-done
}

// TestParkedLayerIsTrimmed: a layer is told that it will be idle, each time, and
// not while it is at work.
func TestParkedLayerIsTrimmed(t *testing.T) {
	plain, layered := socketLeg(t, "tcp"), socketLeg(t, "tcp")
	layer := newXorConn(layered.inner)
	layered.inner = layer
	p := newParker(t)
	done := start(t, t.Context(), plain, layered, vecio.RelayConfig{Parker: p, ParkAfter: time.Microsecond})
	buf := make([]byte, 3)
	for i := range int64(3) {
		awaitParked(t, p, 2)
		if n := layer.trimmed.Load(); n < i+1 {
			t.Fatalf("parked %d times, trimmed %d times", i+1, n)
		}
		layered.outer.Write(flip([]byte("abc")))
		if _, err := io.ReadFull(plain.outer, buf); err != nil || string(buf) != "abc" {
			t.Fatalf("%q, %v", buf, err)
		}
	}
	plain.outer.Close()
	layered.outer.Close()
	<-done
}
