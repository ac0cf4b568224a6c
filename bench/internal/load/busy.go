package load

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/bench/internal/procfs"
	"github.com/headrace-go/headrace/bench/internal/stream"
)

// Busy asks what memory the processes need while the whole crowd is busy,
// looked at for Window after all of it is. It ends the crowd.
type Busy struct {
	Limit  time.Duration
	Window time.Duration
	PIDs   []int
}

const (
	// sampleEvery is how often memory is looked at.
	sampleEvery = 50 * time.Millisecond
	// stillAfter is how long nothing must have moved to call it stuck.
	stillAfter = 500 * time.Millisecond
)

// Move keeps every connection busy in both directions at once. The answer is
// the highest memory of each process.
func (s *service) Move(a Busy, peaks *[]int64) error {
	flows := make([]flow, len(s.crowd))
	for i, conn := range s.crowd {
		flows[i] = flow{conn: conn, seed: s.seed(), stop: new(atomic.Bool), frame: crowdFrame, buf: make([]byte, crowdBuf)}
	}
	all := func() (bool, error) {
		n := 0
		for i := range flows {
			if flows[i].mark().bytes > 0 {
				n++
			}
		}
		return n == len(flows), fmt.Errorf("only %d of %d connections move", n, len(flows))
	}
	return s.busy(a, peaks, sampleEvery, all, func(i int, _ net.Conn) error { return flows[i].duplex() })
}

// Stick lets both ends of every connection send as long as there is room, and
// neither read. The answer is the highest memory of each process after the
// last byte found room.
func (s *service) Stick(a Busy, peaks *[]int64) error {
	var sent atomic.Int64
	before := int64(-1)
	still := func() (bool, error) {
		last := before
		before = sent.Load()
		return last == before, fmt.Errorf("it still takes bytes that nobody reads, %d by now", before)
	}
	return s.busy(a, peaks, stillAfter, still, func(_ int, conn net.Conn) error {
		req := stream.Request{Kind: stream.Hold, Seed: 1, Frame: crowdFrame}
		if err := ask(conn, req); err != nil {
			return err
		}
		return stream.Pace(stream.NewWriter(conn, req.Seed), req, func(n int) (int, bool) {
			sent.Add(int64(n))
			return n, false
		})
	})
}

// busy runs work on every connection, asks reached again and again until it
// says yes, looks at the memory, and closes the crowd, which ends the work.
// What reached says besides is why not.
func (s *service) busy(a Busy, peaks *[]int64, every time.Duration, reached func() (bool, error), work func(int, net.Conn) error) error {
	deadline := time.Now().Add(a.Limit)
	crew := newCrew()
	for i, conn := range s.crowd {
		crew.do(func() error { return errors.Join(conn.SetDeadline(deadline), work(i, conn)) })
	}
	watched := func() error {
		for {
			if err := sleep(every, crew.failed); err != nil {
				return err
			}
			yes, why := reached()
			if yes {
				break
			}
			if time.Now().After(deadline.Add(-a.Window - every)) {
				return fmt.Errorf("load: hung: after %v: %w", a.Limit, why)
			}
		}
		var err error
		*peaks, err = peakMemory(a.PIDs, a.Window, crew.failed)
		return err
	}()
	s.disperse()
	ended := crew.wait() // by now all have failed; only one that did so before counts
	if errors.Is(watched, errFailed) {
		return hung(ended, a.Limit)
	}
	return watched
}

// peakMemory looks at the memory of the processes for that long.
func peakMemory(pids []int, over time.Duration, failed <-chan struct{}) ([]int64, error) {
	peaks := make([]int64, len(pids))
	for end := time.Now().Add(over); ; {
		for i, pid := range pids {
			memory, err := procfs.Memory(pid)
			if err != nil {
				return nil, fmt.Errorf("load: memory of process %d: %w", pid, err)
			}
			peaks[i] = max(peaks[i], memory)
		}
		if time.Now().After(end) {
			return peaks, nil
		}
		if err := sleep(sampleEvery, failed); err != nil {
			return nil, err
		}
	}
}
