package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/bench/internal/procfs"
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

// bulkBuf is the length of a bulk stream's reads.
const bulkBuf = 256 << 10

// Throughput measures. Afterwards it ends every stream and makes sure that
// all that was sent arrives, as far as Limit leaves time for that.
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
		flows[i] = flow{conn: conns[i], seed: s.seed(), stop: &stop, buf: make([]byte, bulkBuf)}
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
	switch {
	case measured != nil && !errors.Is(measured, errFailed):
		return measured
	case measured == nil && errors.Is(ended, os.ErrDeadlineExceeded) && time.Since(freshest(flows)) < time.Second:
		// Only slow: what is still on its way is not waited for.
		return nil
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
