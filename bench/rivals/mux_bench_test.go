package rivals

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/headrace-go/headrace/internal/liveheap"
)

const bulkWrite = 32 << 10

// BenchmarkMuxBulk writes 32 KiB at a time, on as many streams as share the
// session. jain is the fairness between the streams. The processor time is that
// of both sides.
func BenchmarkMuxBulk(b *testing.B) {
	for _, p := range pairings(b) {
		for _, streams := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("%v/streams=%d", p, streams), func(b *testing.B) { bulk(b, p, streams) })
		}
	}
}

func bulk(b *testing.B, p pairing, streams int) {
	total := int64(b.N) * bulkWrite
	var received atomic.Int64
	shares := make([]atomic.Int64, streams)
	arrived := make(chan struct{})
	client := p.startMux(b, func(stream, n int) {
		shares[stream].Add(int64(n))
		if received.Add(int64(n)) == total {
			close(arrived)
		}
	})
	opened := make([]io.ReadWriteCloser, streams)
	for i := range opened {
		stream, err := openStream(client, roleSink)
		if err != nil {
			b.Fatal(err)
		}
		opened[i] = stream
	}
	chunk := make([]byte, bulkWrite)
	b.SetBytes(bulkWrite)
	b.ReportAllocs()
	cpu := cpuNanoseconds(b)
	b.ResetTimer()
	// Streams take the next write as soon as they have got rid of the last.
	var taken atomic.Int64
	failed := make(chan error, streams)
	for _, stream := range opened {
		go func() {
			for taken.Add(1) <= int64(b.N) {
				if _, err := stream.Write(chunk); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	select {
	case <-arrived:
	case err := <-failed:
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(cpuNanoseconds(b)-cpu)/float64(total), "cpu-ns/B")
	if streams > 1 {
		served := make([]int64, streams)
		for i := range shares {
			served[i] = shares[i].Load()
		}
		b.ReportMetric(jain(served), "jain")
	}
}

// BenchmarkMuxEcho sends 64 bytes there and back on an open stream, alone or
// while 8 other streams write all they can.
func BenchmarkMuxEcho(b *testing.B) {
	for _, p := range pairings(b) {
		for _, load := range []int{0, 8} {
			b.Run(fmt.Sprintf("%v/bulk=%d", p, load), func(b *testing.B) { echo(b, p, load) })
		}
	}
}

func echo(b *testing.B, p pairing, load int) {
	client := p.startMux(b, nil)
	stop := startBulk(b, client, load)
	defer stop()
	stream, err := openStream(client, roleEcho)
	if err != nil {
		b.Fatal(err)
	}
	buffer := make([]byte, 64)
	times := newLatencies()
	b.ReportAllocs()
	for b.Loop() {
		times.begin()
		if err := exchange(stream, buffer); err != nil {
			b.Fatal(err)
		}
		times.end()
	}
	times.report(b)
}

// startBulk lets n streams write all they can until stop.
func startBulk(tb testing.TB, client session, n int) (stop func()) {
	tb.Helper()
	var stopped atomic.Bool
	var group sync.WaitGroup
	for range n {
		stream, err := openStream(client, roleSink)
		if err != nil {
			tb.Fatal(err)
		}
		group.Go(func() {
			chunk := make([]byte, bulkWrite)
			for !stopped.Load() {
				if _, err := stream.Write(chunk); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	return func() {
		stopped.Store(true)
		group.Wait()
	}
}

func exchange(stream io.ReadWriter, buffer []byte) error {
	if _, err := stream.Write(buffer); err != nil {
		return err
	}
	_, err := io.ReadFull(stream, buffer)
	return err
}

// BenchmarkMuxOpen opens a stream, sends 64 bytes there and back, and closes
// it. The allocations are those of both sides.
func BenchmarkMuxOpen(b *testing.B) {
	for _, p := range pairings(b) {
		b.Run(p.String(), func(b *testing.B) {
			client := p.startMux(b, nil)
			buffer := make([]byte, 64)
			times := newLatencies()
			b.ReportAllocs()
			for b.Loop() {
				times.begin()
				stream, err := openStream(client, roleEcho)
				if err != nil {
					b.Fatal(err)
				}
				if err := errors.Join(exchange(stream, buffer), stream.Close()); err != nil {
					b.Fatal(err)
				}
				times.end()
			}
			times.report(b)
		})
	}
}

// BenchmarkMuxIdle measures what an idle stream keeps alive on both sides
// together, after one round trip: heap and goroutines, a stack not included.
// The program itself holds none of either. One turn is enough (-benchtime 1x).
func BenchmarkMuxIdle(b *testing.B) {
	const streams = 200
	for _, p := range pairings(b) {
		b.Run(p.String(), func(b *testing.B) {
			for b.Loop() {
				idle(b, p, streams)
			}
		})
	}
}

func idle(b *testing.B, p pairing, streams int) {
	client := p.startMux(b, nil)
	buffer := make([]byte, 64)
	open := func() io.Closer {
		stream, err := openStream(client, roleIdle)
		if err != nil {
			b.Fatal(err)
		}
		if err := exchange(stream, buffer); err != nil {
			b.Fatal(err)
		}
		return stream
	}
	kept := []io.Closer{open()} // what the first one makes is the session's
	before := live()
	for range streams {
		kept = append(kept, open())
	}
	after := live()
	b.ReportMetric((after.bytes-before.bytes)/float64(streams), "heap-B/stream")
	b.ReportMetric((after.objects-before.objects)/float64(streams), "objects/stream")
	b.ReportMetric((after.goroutines-before.goroutines)/float64(streams), "goroutines/stream")
	runtime.KeepAlive(kept)
}

type heap struct{ bytes, objects, stack, goroutines float64 }

// live returns what is alive after two collections.
func live() heap {
	m := liveheap.Stats()
	return heap{float64(m.HeapAlloc), float64(m.HeapObjects), float64(m.StackInuse), float64(runtime.NumGoroutine())}
}
