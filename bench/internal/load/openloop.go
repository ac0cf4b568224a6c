package load

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/bench/internal/stream"
)

// OpenLoop asks how long 64 bytes take there and back when they are sent at a
// fixed rate, no matter whether earlier ones have come back, while bulk
// streams come down beside them.
type OpenLoop struct {
	Route
	Limit        time.Duration
	Warm, Window time.Duration

	Conns int // that carry the round trips, in turn
	Rate  int // round trips per second, of all

	Bulk     int    // connections with a bulk stream
	BulkRate uint64 // bytes per second, of all
}

// Loaded is the answer.
type Loaded struct {
	// Corrected counts from when a round trip was due to begin, Uncorrected
	// from when it began: if a stall delays the sender too, only the first
	// sees all of it (the coordinated omission problem).
	Corrected, Uncorrected Latency
	BulkBytesPerSecond     float64 // that arrived: less than asked for if the route is full
}

// bulkFrame is the payload of a paced stream's frames: small beside what the
// streams carry in a millisecond, so that the pace is even.
const bulkFrame = 16 << 10

// OpenLoop measures.
func (s *service) OpenLoop(a OpenLoop, r *Loaded) error {
	ctx, cancel := context.WithTimeout(context.Background(), a.Limit)
	defer cancel()
	conns, err := dialAll(ctx, a.Route, a.Conns+a.Bulk)
	if err != nil {
		return hung(err, a.Limit)
	}
	defer closeAll(conns)

	var stop atomic.Bool
	crew := newCrew()
	bulk := make([]flow, a.Bulk)
	for i := range bulk {
		bulk[i] = flow{
			conn: conns[a.Conns+i], seed: s.seed(), stop: &stop, buf: make([]byte, bulkBuf),
			rate: a.BulkRate / uint64(a.Bulk), frame: bulkFrame,
		}
		crew.do(bulk[i].down)
	}
	if err := sleep(a.Warm, crew.failed); err == nil {
		before := marks(bulk)
		p := newPings(a)
		if err := p.run(conns[:a.Conns], crew.failed); err != nil {
			crew.do(func() error { return err })
		}
		r.BulkBytesPerSecond = rate(before, marks(bulk))
		r.Corrected, r.Uncorrected = p.corrected.latency(), p.uncorrected.latency()
	}
	stop.Store(true)
	select {
	case <-crew.failed:
		closeAll(conns)
	default:
	}
	return hung(crew.wait(), a.Limit)
}

// pings are the round trips of an OpenLoop.
type pings struct {
	interval               time.Duration
	start                  time.Time
	sent                   []atomic.Int64 // nanoseconds after start, by number
	corrected, uncorrected histogram
}

func newPings(a OpenLoop) *pings {
	interval := time.Second / time.Duration(a.Rate)
	return &pings{
		interval: interval, sent: make([]atomic.Int64, a.Window/interval),
		corrected: newHistogram(), uncorrected: newHistogram(),
	}
}

// run sends all pings, each on the next connection, and waits for the echoes.
func (p *pings) run(conns []net.Conn, failed <-chan struct{}) error {
	p.start = time.Now()
	crew := newCrew()
	echoes := make(chan echoed, len(p.sent))
	for i := range conns {
		crew.do(func() error { return p.receive(conns[i], i, len(conns), echoes) })
	}
	crew.do(func() error { return p.send(conns) })
	for range p.sent {
		select {
		case e := <-echoes:
			p.corrected.record(e.at - time.Duration(e.number)*p.interval)
			p.uncorrected.record(e.at - time.Duration(p.sent[e.number].Load()))
		case <-crew.failed:
			closeAll(conns)
			return crew.wait()
		case <-failed:
			closeAll(conns)
			_ = crew.wait() // they fail because of the other
			return nil
		}
	}
	return crew.wait()
}

// send sends the pings at their times. It has a thread of its own, which
// sleeps in the kernel: the runtime's timers are late by up to a millisecond,
// and that would be measured too.
func (p *pings) send(conns []net.Conn) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b := make([]byte, 0, stream.RequestSize)
	for i := range p.sent {
		preciseSleep(time.Until(p.start.Add(time.Duration(i) * p.interval)))
		b = stream.Request{Kind: stream.Echo, Seed: uint64(i)}.AppendTo(b[:0])
		p.sent[i].Store(int64(time.Since(p.start)))
		if _, err := conns[i%len(conns)].Write(b); err != nil {
			return err
		}
	}
	return nil
}

// An echoed is one ping's way back.
type echoed struct {
	number int
	at     time.Duration // after start
}

// receive reads the echoes of every step-th ping, beginning with the first.
func (p *pings) receive(conn net.Conn, first, step int, echoes chan<- echoed) error {
	want := make([]byte, 0, stream.RequestSize)
	got := make([]byte, stream.RequestSize)
	for i := first; i < len(p.sent); i += step {
		if _, err := io.ReadFull(conn, got); err != nil {
			return fmt.Errorf("load: echo %d: %w", i, err)
		}
		at := time.Since(p.start)
		want = stream.Request{Kind: stream.Echo, Seed: uint64(i)}.AppendTo(want[:0])
		if string(got) != string(want) {
			return &stream.CorruptError{What: fmt.Sprintf("echo %d: got %x, want %x", i, got, want)}
		}
		echoes <- echoed{i, at}
	}
	return nil
}
