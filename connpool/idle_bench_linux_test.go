package connpool_test

import (
	"context"
	"net"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace-go/headrace/connpool"
	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/internal/liveheap"
)

// BenchmarkIdle keeps 10 000 TCP connections idle, and reports what each adds to
// the heap beyond the connection itself, the goroutines, and the processor time
// of a second in which nothing happens, with the Pool and before. Then it evicts all of them at once, and
// takes and puts back another connection meanwhile.
func BenchmarkIdle(b *testing.B) {
	const conns = 10_000
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < conns+1000 {
		b.Skipf("%d descriptors are too few", limit.Cur)
	}
	for b.Loop() {
		idle(b, conns)
	}
}

func idle(b *testing.B, conns int) {
	address := peer(b) // its descriptors are its own
	var ready []net.Conn
	for range conns + 1 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		ready = append(ready, c)
	}
	b.ReportMetric(idling(), "cpu-µs/s-without-pool")
	heapBefore, goroutinesBefore := heap(), runtime.NumGoroutine()
	var mu sync.Mutex
	p := newPool(b, connpool.Config[string]{
		MaxIdle: 2 * conns, MaxIdlePerKey: 2 * conns, MaxDialsPerKey: 2 * conns, IdleTimeout: time.Hour,
		Dial: func(context.Context, string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			c := ready[len(ready)-1]
			ready = ready[:len(ready)-1]
			return c, nil
		},
	})
	if err := p.Warm("many", conns); err != nil {
		b.Fatal(err)
	}
	await.Until(b, "all are ready", func() bool { return p.Stats().Idle >= conns })
	b.ReportMetric(float64(heap()-heapBefore)/float64(conns), "B/conn")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutinesBefore), "goroutines")

	b.ReportMetric(idling(), "cpu-µs/s")

	if s := p.Stats(); s.Idle != conns {
		b.Fatalf("%d of %d are still idle", s.Idle, conns)
	}

	turn := func() time.Duration {
		start := time.Now()
		c, err := p.Get(context.Background(), "other")
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Put(); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	turn()
	var alone, meanwhile []time.Duration
	for range 2000 {
		alone = append(alone, turn())
	}
	drained := make(chan time.Duration)
	go func() {
		start := time.Now()
		p.Drain("many")
		drained <- time.Since(start)
	}()
	took := time.Duration(0)
	for took == 0 {
		select {
		case took = <-drained:
		default:
			meanwhile = append(meanwhile, turn())
		}
	}
	b.ReportMetric(float64(took)/1e6, "drain-ms")
	percentiles(b, alone, "alone")
	percentiles(b, meanwhile, "meanwhile")
}

// idling returns the microseconds of processor time of a second in which nothing
// happens.
func idling() float64 {
	const quiet = 5 * time.Second
	debug.FreeOSMemory() // and not in the background, meanwhile
	before := cpu()
	<-time.After(quiet)
	return float64(cpu()-before) / quiet.Seconds() / 1e3
}

func percentiles(b *testing.B, all []time.Duration, name string) {
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2])/1e3, name+"-p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100])/1e3, name+"-p99-µs")
	b.ReportMetric(float64(all[len(all)-1])/1e3, name+"-max-µs")
}

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() uint64 {
	m := liveheap.Stats()
	return m.HeapAlloc + m.StackInuse
}
