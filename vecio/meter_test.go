package vecio_test

import (
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/vecio"
)

// TestMeterLimitsAllItsRelays lets several relays share a limit, in virtual
// time.
func TestMeterLimitsAllItsRelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const (
			relays = 5
			rate   = 1 << 20
			burst  = 64 << 10
			each   = 2 << 20
		)
		var m vecio.Meter
		if err := m.SetLimit(vecio.A, rate, burst); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		var all sync.WaitGroup
		var slowest, fastest time.Duration
		var mu sync.Mutex
		for range relays {
			a, b := memoryLeg(t), memoryLeg(t)
			done := start(t, t.Context(), a, b, vecio.RelayConfig{Meter: &m, IdleTimeout: time.Second})
			all.Go(func() {
				data := make([]byte, each)
				go send(a.outer, data)
				if n, err := io.Copy(io.Discard, b.outer); n != each || err != nil {
					t.Errorf("got %d bytes, %v", n, err)
				}
				took := time.Since(begin)
				mu.Lock()
				slowest = max(slowest, took)
				if fastest == 0 || took < fastest {
					fastest = took
				}
				mu.Unlock()
				// The other direction has no limit, and nothing to say.
				b.outer.Close()
				if r := <-done; r.err != nil {
					t.Error(r.err)
				}
			})
		}
		all.Wait()
		want := time.Duration(float64(relays*each-burst) / rate * float64(time.Second))
		if slowest < want-time.Second/5 || slowest > want+time.Second/5 {
			t.Errorf("all arrived after %v, want %v", slowest, want)
		}
		if fastest < want*3/4 {
			t.Errorf("one arrived after %v, the last after %v: not shared evenly", fastest, slowest)
		}
		if up, down := m.Moved(); up != relays*each || down != 0 {
			t.Errorf("moved %d and %d bytes", up, down)
		}
	})
}

func TestMeterCutDuringPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m vecio.Meter
		if err := m.SetLimit(vecio.A, 1, 16<<10); err != nil { // years for what follows
			t.Fatal(err)
		}
		a, b := memoryLeg(t), memoryLeg(t)
		done := start(t, t.Context(), a, b, vecio.RelayConfig{Meter: &m})
		go send(a.outer, make([]byte, 1<<20))
		io.ReadFull(b.outer, make([]byte, 16<<10))
		synctest.Wait()
		b.outer.Close()
		a.outer.Close()
		if r := <-done; r.err == nil {
			t.Error("a cut relay has no error")
		}
	})
}

func TestMeterRefusesNonsense(t *testing.T) {
	var m vecio.Meter
	for _, c := range []struct{ from, rate, burst int64 }{{0, -1, 1 << 20}, {0, 1000, 100}, {2, 1000, 1 << 20}} {
		if m.SetLimit(vecio.End(c.from), c.rate, c.burst) == nil {
			t.Errorf("SetLimit(%d, %d, %d) = nil", c.from, c.rate, c.burst)
		}
	}
	if err := m.SetLimit(vecio.B, 1000, 1<<20); err != nil {
		t.Error(err)
	}
	if err := m.SetLimit(vecio.B, 0, 0); err != nil {
		t.Errorf("lifting a limit: %v", err)
	}
}
