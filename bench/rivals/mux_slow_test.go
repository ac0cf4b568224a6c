package rivals

import (
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkMuxSlow has 31 streams write all they can, alone and then beside one
// whose reader has stopped. kept-% is how much of their rate is left to them,
// and unread-B what lies in memory on both sides for the one that is not read.
// A turn takes about a second: use -benchtime 1x.
func BenchmarkMuxSlow(b *testing.B) {
	for _, p := range pairings(b) {
		b.Run(p.String(), func(b *testing.B) {
			var alone, beside, unread float64
			for b.Loop() {
				a, s, u := slowReader(b, p)
				alone, beside, unread = alone+a, beside+s, unread+u
			}
			turns := float64(b.N)
			b.ReportMetric(alone/turns/1e6, "alone-MB/s")
			b.ReportMetric(100*beside/alone, "kept-%")
			b.ReportMetric(unread/turns, "unread-B")
		})
	}
}

const slowPhase = 300 * time.Millisecond

// slowReader returns the rates of the others in bytes a second, and what is
// kept for the slow one.
func slowReader(b *testing.B, p pairing) (alone, beside, unread float64) {
	const others = 31
	var received atomic.Int64
	client := p.startMux(b, func(_, n int) { received.Add(int64(n)) })
	var group sync.WaitGroup
	pump := func(stream io.Writer, written *atomic.Int64, stopped *atomic.Bool) {
		chunk := make([]byte, bulkWrite)
		for !stopped.Load() {
			n, err := stream.Write(chunk)
			written.Add(int64(n))
			if err != nil {
				return // the end of the session
			}
		}
	}
	open := func(role byte) io.ReadWriteCloser {
		stream, err := openStream(client, role)
		if err != nil {
			b.Fatal(err)
		}
		return stream
	}
	// What the others have in flight comes and goes: memory is compared while
	// they rest.
	base := live()
	slow := open(roleStop)
	var filled atomic.Int64
	var never atomic.Bool
	group.Go(func() { pump(slow, &filled, &never) })
	for last := int64(-1); filled.Load() != last; time.Sleep(50 * time.Millisecond) {
		last = filled.Load()
	}
	unread = live().bytes - base.bytes

	var stop atomic.Bool
	rate := func() float64 {
		begun, start := received.Load(), time.Now()
		time.Sleep(slowPhase)
		return float64(received.Load()-begun) / time.Since(start).Seconds()
	}
	var written atomic.Int64
	for range others {
		stream := open(roleSink)
		group.Go(func() { pump(stream, &written, &stop) })
	}
	time.Sleep(slowPhase / 4)
	beside = rate()
	stop.Store(true)
	client.close()
	group.Wait()
	runtime.KeepAlive(slow)

	stop.Store(false)
	client = p.startMux(b, func(_, n int) { received.Add(int64(n)) })
	for range others {
		stream := open(roleSink)
		group.Go(func() { pump(stream, &written, &stop) })
	}
	time.Sleep(slowPhase / 4)
	alone = rate()
	stop.Store(true)
	client.close()
	group.Wait()
	return alone, beside, unread
}

// BenchmarkMuxSession measures what an idle session with one stream keeps alive
// on both sides together, after one round trip, its connection included. One
// turn is enough (-benchtime 1x).
func BenchmarkMuxSession(b *testing.B) {
	const sessions = 50
	for _, p := range pairings(b) {
		b.Run(p.String(), func(b *testing.B) {
			for b.Loop() {
				var kept []any
				buffer := make([]byte, 64)
				add := func() {
					client := p.startMux(b, nil)
					stream, err := openStream(client, roleIdle)
					if err != nil {
						b.Fatal(err)
					}
					if err := exchange(stream, buffer); err != nil {
						b.Fatal(err)
					}
					kept = append(kept, client, stream)
				}
				add() // what the first one makes is the process's
				before := live()
				for range sessions {
					add()
				}
				after := live()
				b.ReportMetric((after.bytes-before.bytes)/sessions, "heap-B/session")
				b.ReportMetric((after.stack-before.stack)/sessions, "stack-B/session")
				b.ReportMetric((after.goroutines-before.goroutines)/sessions, "goroutines/session")
				runtime.KeepAlive(kept)
			}
		})
	}
}
