package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/bench/internal/stream"
)

// A flow is a bulk stream on a connection.
type flow struct {
	conn net.Conn
	seed uint64
	// bytes is the length of the stream. If it is 0 the stream goes on until
	// stop is set.
	bytes uint64
	stop  *atomic.Bool
	rate  uint64 // bytes per second; 0 is unlimited
	frame uint32 // payload per frame; 0 is the largest
	buf   []byte // for what arrives

	mu   sync.Mutex
	last mark
}

// A mark says how many bytes had arrived when.
type mark struct {
	at    time.Time
	bytes uint64
}

// marks returns the marks of all flows; one without any is at 0 bytes now.
func marks(flows []flow) []mark {
	m := make([]mark, len(flows))
	for i := range flows {
		if m[i] = flows[i].mark(); m[i].at.IsZero() {
			m[i].at = time.Now()
		}
	}
	return m
}

// freshest is when the last bytes arrived on any of the flows.
func freshest(flows []flow) time.Time {
	var last time.Time
	for i := range flows {
		if m := flows[i].mark(); m.at.After(last) {
			last = m.at
		}
	}
	return last
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

func (f *flow) request(kind stream.Kind) stream.Request {
	return stream.Request{Kind: kind, Seed: f.seed, Bytes: f.bytes, Rate: f.rate, Frame: f.frame}
}

// next tells stream.Pace when the flow's own stream ends.
func (f *flow) next() func(int) (int, bool) {
	if f.bytes > 0 {
		return stream.Exactly(f.bytes)
	}
	return stream.Until(f.stop)
}

// down receives the stream. If it has no length of its own, a stream of one
// empty frame upwards ends it.
func (f *flow) down() error {
	if err := ask(f.conn, f.request(stream.Send)); err != nil {
		return err
	}
	told := f.bytes > 0
	return stream.NewVerifier(f.seed).ReadAll(f.conn, f.buf, func(seen uint64) error {
		f.note(seen)
		if told || !f.stop.Load() {
			return nil
		}
		told = true
		return stream.NewWriter(f.conn, f.seed).WriteFrame(0, true)
	})
}

// up sends the stream, and learns from the target's acknowledgements how much
// of it has arrived.
func (f *flow) up() error {
	if err := ask(f.conn, f.request(stream.Receive)); err != nil {
		return err
	}
	var checked uint64
	w := stream.NewWriter(f.conn, f.seed)
	err := f.both(
		func() error { return stream.Pace(w, f.request(stream.Receive), f.next()) },
		func() (err error) { checked, err = f.acks(); return err },
	)
	if err == nil && checked != w.Sent() {
		return fmt.Errorf("load: sent %d bytes, the target got %d", w.Sent(), checked)
	}
	return err
}

// duplex sends and receives at the same time until stop is set; what arrives
// is noted.
func (f *flow) duplex() error {
	if err := ask(f.conn, f.request(stream.Send)); err != nil {
		return err
	}
	return f.both(
		func() error { return stream.Pace(stream.NewWriter(f.conn, f.seed), f.request(stream.Send), f.next()) },
		func() error {
			return stream.NewVerifier(f.seed).ReadAll(f.conn, f.buf, func(seen uint64) error { f.note(seen); return nil })
		},
	)
}

// both runs the two directions of a connection at the same time. When one
// fails the other is woken by a deadline, and the first one's error counts.
func (f *flow) both(send, receive func() error) error {
	received := make(chan error, 1)
	go func() {
		err := receive()
		if err != nil {
			f.conn.SetWriteDeadline(time.Now())
		}
		received <- err
	}()
	sent := send()
	if sent != nil {
		f.conn.SetReadDeadline(time.Now())
	}
	err := <-received
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) && sent != nil {
		return sent
	}
	return err
}

// acks reads acknowledgements until that of the whole stream, and returns its
// length.
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
