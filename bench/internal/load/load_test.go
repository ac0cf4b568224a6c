package load_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/headrace-go/headrace/bench/internal/load"
	"github.com/headrace-go/headrace/bench/internal/proc"
	"github.com/headrace-go/headrace/bench/internal/roles"
	"github.com/headrace-go/headrace/bench/internal/standin"
	"github.com/headrace-go/headrace/bench/internal/target"
)

// TestMain is also the processes of the load.
func TestMain(m *testing.M) { roles.Main(m) }

// limit is far beyond what any measurement here takes.
const limit = time.Minute

// stage starts a generator, a target, and a stand-in of the given way between
// them, unless that is "".
func stage(t *testing.T, way string) (*load.Generator, load.Route, int) {
	t.Helper()
	tgt, err := target.Start(t.Context(), "127.0.0.1", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tgt.Stop)
	gen, err := load.Start(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gen.Stop)
	route := load.Route{Target: tgt.Address}
	if way == "" {
		return gen, route, os.Getpid()
	}
	proxy, err := proc.Start(proc.Spec{Name: way, Path: os.Args[0], Args: []string{standin.Role, way, "127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Stop(time.Second) })
	if route.Proxy, err = proxy.Line(t.Context(), "listening on "); err != nil {
		t.Fatal(err)
	}
	return gen, route, proxy.PID()
}

func TestMeasurements(t *testing.T) {
	for _, way := range []string{"", standin.Honest} {
		t.Run("way="+way, func(t *testing.T) {
			gen, route, pid := stage(t, way)
			for _, up := range []bool{false, true} {
				f, err := gen.Throughput(t.Context(), load.Throughput{
					Route: route, Limit: limit, Window: 20 * time.Millisecond, Conns: 3, Up: up, PIDs: []int{pid},
				})
				if err != nil || f.BytesPerSecond <= 0 || len(f.CPU) != 1 {
					t.Errorf("Throughput, up = %v: %+v, %v", up, f, err)
				}
			}
			l, err := gen.RoundTrip(t.Context(), load.RoundTrip{Route: route, Limit: limit, Window: 20 * time.Millisecond})
			if err != nil || l.N < 1 || l.P50 <= 0 || l.P50 > l.P95 || l.P95 > l.P99 || l.P99 > l.Max {
				t.Errorf("RoundTrip: %+v, %v", l, err)
			}
			l, err = gen.SetUp(t.Context(), load.SetUp{Route: route, Limit: limit, Window: limit, Count: 5})
			if err != nil || l.N != 5 || l.P50 <= 0 {
				t.Errorf("SetUp: %+v, %v, want 5", l, err)
			}
			o, err := gen.OpenLoop(t.Context(), load.OpenLoop{
				Route: route, Limit: limit, Window: 100 * time.Millisecond, Conns: 2, Rate: 1000, Bulk: 2, BulkRate: 10e6,
			})
			if err != nil || o.Corrected.N != 100 || o.Uncorrected.N != 100 || o.Corrected.P50 < o.Uncorrected.P50 {
				t.Errorf("OpenLoop: %+v, %v, want 100 of each, corrected not below uncorrected", o, err)
			}
		})
	}
}

func TestCrowd(t *testing.T) {
	const conns = 30
	gen, route, pid := stage(t, standin.Honest)
	gather := func() {
		t.Helper()
		if err := gen.Gather(t.Context(), load.Crowd{Route: route, Limit: limit, Conns: conns}); err != nil {
			t.Fatal(err)
		}
	}
	gather()
	for range 2 {
		if err := gen.Exchange(t.Context(), load.Exchange{Limit: limit, Bytes: 100_000, Abreast: 7}); err != nil {
			t.Fatal(err)
		}
	}
	busy := load.Busy{Limit: limit, PIDs: []int{pid}}
	if peaks, err := gen.Move(t.Context(), busy); err != nil || len(peaks) != 1 || peaks[0] < 1<<20 {
		t.Errorf("Move = %v, %v, want the memory of one process", peaks, err)
	}
	gather()
	if peaks, err := gen.Stick(t.Context(), busy); err != nil || len(peaks) != 1 || peaks[0] < 1<<20 {
		t.Errorf("Stick = %v, %v, want the memory of one process", peaks, err)
	}
}

func TestDamageIsFound(t *testing.T) {
	for way, up := range map[string]bool{standin.Flip: false, standin.Drop: false, standin.FlipUp: true} {
		t.Run(way, func(t *testing.T) {
			gen, route, _ := stage(t, way)
			_, err := gen.Throughput(t.Context(), load.Throughput{
				Route: route, Limit: limit, Window: limit / 2, Conns: 1, Up: up,
			})
			if err == nil || !strings.Contains(err.Error(), "corrupt") {
				t.Errorf("Throughput = %v, want that bytes are corrupt", err)
			}
		})
	}
}

func TestHungGeneratorIsKilled(t *testing.T) {
	gen, route, _ := stage(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := gen.RoundTrip(ctx, load.RoundTrip{Route: route, Limit: limit, Window: limit}); err != context.Canceled {
		t.Errorf("RoundTrip = %v, want context.Canceled", err)
	}
	if _, err := gen.RoundTrip(t.Context(), load.RoundTrip{Route: route, Limit: limit}); err == nil {
		t.Error("a killed generator answered")
	}
}
