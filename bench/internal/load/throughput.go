package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/bench/internal/procfs"
	"github.com/headrace-go/headrace/bench/internal/stream"
)

// Throughput asks how much the route carries, on Conns connections in one
// direction, over Window after Warm.
type Throughput struct {
	Route
	Limit        time.Duration // of the whole measurement
	Warm, Window time.Duration
	Conns        int
	Up           bool  // from here to the target
	PIDs         []int // processes whose CPU time is taken over the window
}

// A Flow is the answer.
type Flow struct {
	BytesPerSecond float64         // as checked by the receiver
	CPU            []time.Duration // per second of the window, in the order of PIDs
}

// Throughput measures. Afterwards it ends every stream and makes sure that
// all that was sent has arrived.
func (s *service) Throughput(a Throughput, r *Flow) error {
	ctx, cancel := context.WithTimeout(context.Background(), a.Limit)
	defer cancel()
	conns, err := dialAll(ctx, a.Route, a.Conns)
	if err != nil {
		return hung(err, a.Limit)
	}
	defer closeAll(conns)

	var stop atomic.Bool
	flows := make([]flow, len(conns))
	crew := newCrew()
	for i := range flows {
		flows[i] = flow{conn: conns[i], seed: s.seed(), stop: &stop}
		if a.Up {
			crew.do(flows[i].up)
		} else {
			crew.do(flows[i].down)
		}
	}
	measured := measure(ctx, a, flows, crew.failed, r)
	stop.Store(true)
	if measured != nil {
		closeAll(conns)
	}
	ended := crew.wait()
	if measured != nil && !errors.Is(measured, errFailed) {
		return measured
	}
	return hung(ended, a.Limit)
}

// measure fills r with what flows carry during the window. While nothing at
// all arrives it goes on, up to the end of ctx.
func measure(ctx context.Context, a Throughput, flows []flow, failed <-chan struct{}, r *Flow) error {
	if err := sleep(a.Warm, failed); err != nil {
		return err
	}
	start := time.Now()
	cpu, err := cpuTimes(a.PIDs)
	if err != nil {
		return err
	}
	before := marks(flows)
	for r.BytesPerSecond == 0 {
		if ctx.Err() != nil {
			return fmt.Errorf("load: hung: nothing arrived in %v on %d connections", time.Since(start), len(flows))
		}
		if err := sleep(a.Window, failed); err != nil {
			return err
		}
		r.BytesPerSecond = rate(before, marks(flows))
	}
	end := time.Now()
	if r.CPU, err = cpuTimes(a.PIDs); err != nil {
		return err
	}
	for i := range r.CPU {
		r.CPU[i] = time.Duration(float64(r.CPU[i]-cpu[i]) / end.Sub(start).Seconds())
	}
	return nil
}

// rate is the sum of what each flow carried per second between two marks.
func rate(before, after []mark) float64 {
	var sum float64
	for i := range after {
		bytes, over := after[i].bytes-before[i].bytes, after[i].at.Sub(before[i].at)
		if bytes > 0 && over > 0 {
			sum += float64(bytes) / over.Seconds()
		}
	}
	return sum
}

// errFailed stands for the error of a flow, which its crew has.
var errFailed = errors.New("load: a connection failed")

func sleep(d time.Duration, failed <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-failed:
		return errFailed
	}
}

func cpuTimes(pids []int) ([]time.Duration, error) {
	times := make([]time.Duration, len(pids))
	for i, pid := range pids {
		var err error
		if times[i], err = procfs.CPU(pid); err != nil {
			return nil, fmt.Errorf("load: CPU time of process %d: %w", pid, err)
		}
	}
	return times, nil
}

// A mark says how many bytes had arrived when.
type mark struct {
	at    time.Time
	bytes uint64
}

func marks(flows []flow) []mark {
	m := make([]mark, len(flows))
	for i := range flows {
		if m[i] = flows[i].mark(); m[i].at.IsZero() {
			m[i].at = time.Now() // nothing yet
		}
	}
	return m
}

// A flow is one stream of a Throughput.
type flow struct {
	conn net.Conn
	seed uint64
	stop *atomic.Bool

	mu   sync.Mutex
	last mark
}

func (f *flow) mark() mark {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

func (f *flow) note(bytes uint64) {
	now := time.Now()
	f.mu.Lock()
	f.last = mark{now, bytes}
	f.mu.Unlock()
}

// down receives a stream. A stream of one empty frame upwards ends it.
func (f *flow) down() error {
	if err := ask(f.conn, stream.Request{Kind: stream.Send, Seed: f.seed}); err != nil {
		return err
	}
	buf := make([]byte, 2*stream.MaxPayload)
	told := false
	return stream.NewVerifier(f.seed).ReadAll(f.conn, buf, func(seen uint64) error {
		f.note(seen)
		if told || !f.stop.Load() {
			return nil
		}
		told = true
		return stream.NewWriter(f.conn, f.seed).WriteFrame(0, true)
	})
}

// up sends a stream, and learns from the target's acknowledgements how much
// of it has arrived.
func (f *flow) up() error {
	req := stream.Request{Kind: stream.Receive, Seed: f.seed}
	if err := ask(f.conn, req); err != nil {
		return err
	}
	acks := make(chan error, 1)
	var checked uint64
	go func() {
		var err error
		checked, err = f.acks()
		if err != nil {
			f.conn.SetWriteDeadline(time.Now()) // wakes the writer
		}
		acks <- err
	}()
	w := stream.NewWriter(f.conn, f.seed)
	sent := stream.Pace(w, req, func(n int) (int, bool) { return n, f.stop.Load() })
	if sent != nil {
		f.conn.SetReadDeadline(time.Now())
	}
	if err := <-acks; err != nil {
		return err
	}
	if sent == nil && checked != w.Sent() {
		return fmt.Errorf("load: sent %d bytes, the target got %d", w.Sent(), checked)
	}
	return sent
}

func (f *flow) acks() (uint64, error) {
	b := make([]byte, stream.AckSize)
	for {
		if _, err := io.ReadFull(f.conn, b); err != nil {
			return 0, fmt.Errorf("load: acknowledgement: %w", err)
		}
		ack, err := stream.ParseAck(b)
		if err != nil {
			return 0, err
		}
		f.note(ack.Bytes)
		switch ack.State {
		case stream.Complete:
			return ack.Bytes, nil
		case stream.Corrupt:
			return 0, &stream.CorruptError{Offset: ack.Bytes, What: "found by the target"}
		}
	}
}
