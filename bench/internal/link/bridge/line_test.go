package bridge_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/bench/internal/link/bridge"
)

// offer is a packet to be sent at a time after the start. Its first bytes are its
// place in the schedule, the others are made from it.
type offer struct {
	at   time.Duration
	size int
}

// arrival is a packet that came out.
type arrival struct {
	offer int
	at    time.Duration
}

// carry drives a line through a schedule on the clock of a synctest bubble, until all
// has arrived, and checks that what comes out is in order and unchanged.
func carry(t *testing.T, l *bridge.Line, schedule []offer) []arrival {
	t.Helper()
	var out []arrival
	start := time.Now()
	last := -1
	for sent := 0; ; {
		for {
			got, ok := l.Pop(time.Now())
			if !ok {
				break
			}
			i := int(binary.LittleEndian.Uint64(got))
			if i <= last {
				t.Fatalf("packet %d arrived after packet %d", i, last)
			}
			if last = i; !bytes.Equal(got, content(i, schedule[i].size)) {
				t.Fatalf("packet %d of %d bytes arrived changed", i, schedule[i].size)
			}
			out = append(out, arrival{i, time.Since(start)})
		}
		for sent < len(schedule) && schedule[sent].at <= time.Since(start) {
			size := schedule[sent].size
			l.Push(time.Now(), content(sent, size), bridge.Size{Packets: 1, Bytes: size})
			sent++
		}
		next, ok := l.Next()
		if sent < len(schedule) {
			if at := start.Add(schedule[sent].at); !ok || at.Before(next) {
				next, ok = at, true
			}
		}
		if !ok {
			return out
		}
		time.Sleep(time.Until(next))
	}
}

func content(i, size int) []byte {
	b := bytes.Repeat([]byte{byte(i)}, size)
	binary.LittleEndian.PutUint64(b, uint64(i))
	return b
}

// repeat makes a schedule of n packets, one each interval.
func repeat(n int, interval time.Duration, size int) []offer {
	schedule := make([]offer, n)
	for i := range schedule {
		schedule[i] = offer{time.Duration(i) * interval, size}
	}
	return schedule
}

func mustLine(t *testing.T, s bridge.Shape) *bridge.Line {
	t.Helper()
	s, err := s.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	return bridge.NewLine(s)
}

func TestLineDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, delay := range []time.Duration{-1, time.Millisecond, 10 * time.Millisecond, 300 * time.Millisecond} {
			l := mustLine(t, bridge.Shape{Rate: 1e9, Delay: delay})
			// 1250 bytes take 10 µs to send; nothing waits.
			for _, a := range carry(t, l, repeat(100, 20*time.Microsecond, 1250)) {
				want := time.Duration(a.offer)*20*time.Microsecond + 10*time.Microsecond + max(delay, 0)
				if a.at != want {
					t.Fatalf("delay %v: packet %d arrived at %v, want %v", delay, a.offer, a.at, want)
				}
			}
			if s := l.Stats(); s.Packets != 100 || s.MaxQueueBytes != 0 || s.DroppedPackets != 0 || s.MaxLate != 0 {
				t.Errorf("delay %v: Stats() = %+v, want 100 packets on time, none waiting", delay, s)
			}
		}
	})
}

func TestLineRate(t *testing.T) {
	for _, tt := range []struct {
		rate int64
		size int
	}{{1e6, 1500}, {100e6, 1500}, {333_333_333, 999}, {1e9, 1500}, {1e9, 40}, {7e9, 40}, {7e9, 65000}} {
		synctest.Test(t, func(t *testing.T) {
			const n = 3000
			l := mustLine(t, bridge.Shape{Rate: tt.rate, Queue: 20 * int64(tt.size)})
			// Half as much again as the rate carries.
			interval := time.Duration(float64(tt.size) * 8 / 1.5 / float64(tt.rate) * 1e9)
			arrived := carry(t, l, repeat(n, interval, tt.size))
			first, last := arrived[0], arrived[len(arrived)-1]
			got := float64(len(arrived)-1) * float64(tt.size) * 8 / (last.at - first.at).Seconds()
			if want := float64(tt.rate); got < want*0.999 || got > want*1.001 {
				t.Errorf("rate %d with packets of %d bytes: got %.0f bit/s", tt.rate, tt.size, got)
			}
			s := l.Stats()
			if int(s.Packets) != len(arrived) || s.Packets+s.DroppedPackets != n || s.Bytes != s.Packets*int64(tt.size) {
				t.Errorf("rate %d: Stats() = %+v after %d of %d packets of %d bytes arrived", tt.rate, s, len(arrived), n, tt.size)
			}
		})
	}
}

func TestLineQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, queue = 1000, 50_000
		l := mustLine(t, bridge.Shape{Rate: 8e6, Queue: queue}) // 1 ms per packet
		burst := repeat(120, 0, size)
		trickle := repeat(30, 2*time.Millisecond, size)
		for i := range trickle {
			trickle[i].at += 10*time.Millisecond + 1
		}
		arrived := carry(t, l, append(burst, trickle...))
		// 50 of the burst fill the queue; ten leave it before the trickle begins,
		// which is slower than the rate and so all gets in.
		if len(arrived) != 50+30 {
			t.Fatalf("%d packets arrived, want 80", len(arrived))
		}
		for i, a := range arrived {
			want := i
			if i >= 50 {
				want = i + 70
			}
			if a.offer != want {
				t.Fatalf("arrival %d is packet %d, want %d: the tail is what drops", i, a.offer, want)
			}
		}
		s := l.Stats()
		if s.DroppedPackets != 70 || s.DroppedBytes != 70*size || s.MaxQueueBytes != queue {
			t.Errorf("Stats() = %+v, want 70 packets and 70000 bytes dropped, 50000 bytes of queue used", s)
		}
	})
}

// Without a queue each packet meets an idle transmitter or is dropped; and one that
// is longer than the whole queue still gets through.
func TestLineIdleTakesAnyPacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, queue := range []int64{-1, 100} {
			l := mustLine(t, bridge.Shape{Rate: 8e6, Queue: queue}) // 1.5 ms per packet
			if got := len(carry(t, l, repeat(10, time.Millisecond, 1500))); got != 5 {
				t.Errorf("queue %d: %d packets of 10 arrived, want every second", queue, got)
			}
		}
	})
}

func TestLineCountsWholeSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := mustLine(t, bridge.Shape{Rate: 8e6, Delay: time.Millisecond, Queue: 2000})
		now := time.Now()
		first := l.Push(now, make([]byte, 100), bridge.Size{Packets: 3, Bytes: 1500})
		second := l.Push(now, make([]byte, 100), bridge.Size{Packets: 2, Bytes: 501})
		if !first || second {
			t.Fatalf("Push = %v, %v, want the second dropped", first, second)
		}
		if due, ok := l.Next(); !ok || due.Sub(now) != 2500*time.Microsecond {
			t.Errorf("Next() = %v, %v, want the wire's 1500 bytes to take 1.5 ms, and the delay", due.Sub(now), ok)
		}
		if _, ok := l.Pop(now.Add(2500*time.Microsecond - 1)); ok {
			t.Error("Pop delivered 1 ns early")
		}
		if _, ok := l.Pop(now.Add(2500*time.Microsecond + bridge.LateAfter)); !ok {
			t.Error("Pop delivered nothing")
		}
		want := bridge.LineStats{Packets: 3, Bytes: 1500, Crossings: 1, DroppedPackets: 2, DroppedBytes: 501, Late: 1, MaxLate: bridge.LateAfter}
		if got := l.Stats(); got != want {
			t.Errorf("Stats() = %+v, want %+v", got, want)
		}
	})
}

// Packets of all lengths at all intervals: what is stored wraps around many times.
func TestLineKeepsOrderAndContent(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			l := mustLine(t, bridge.Shape{Rate: 100e6, Delay: time.Millisecond, Queue: 1 + random.Int64N(300_000)})
			schedule := make([]offer, 1000)
			var at time.Duration
			for i := range schedule {
				at += time.Duration(random.ExpFloat64() * float64(time.Millisecond))
				schedule[i] = offer{at, 8 + int(random.Float64()*random.Float64()*65000)}
			}
			arrived := carry(t, l, schedule)
			if s := l.Stats(); len(arrived) == 0 || int(s.Packets+s.DroppedPackets) != len(schedule) {
				t.Errorf("seed %d: Stats() = %+v with %d arrivals of %d packets", seed, s, len(arrived), len(schedule))
			}
		})
	}
}

func TestLineAllocs(t *testing.T) {
	l := mustLine(t, bridge.Shape{})
	now := time.Now()
	packet := make([]byte, 1500)
	if n := testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Millisecond)
		l.Push(now, packet, bridge.Size{Packets: 1, Bytes: 1500})
		l.Pop(now)
	}); n != 0 {
		t.Errorf("Push and Pop allocate %v times", n)
	}
}

// TestLineLoses: of many packets a part is lost, as large as it should be, and
// the others arrive as they would have.
func TestLineLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shape, err := bridge.Shape{Rate: 1e8, Loss: 0.01}.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		var schedule []offer
		for i := range 100_000 {
			schedule = append(schedule, offer{time.Duration(i) * time.Millisecond, 1000})
		}
		l := bridge.NewLine(shape)
		arrived := carry(t, l, schedule)
		stats := l.Stats()
		if lost := len(schedule) - len(arrived); int64(lost) != stats.LostPackets || lost < 800 || lost > 1200 {
			t.Errorf("%d of 100000 packets did not arrive, %d were lost, want about 1000", lost, stats.LostPackets)
		}
		for _, a := range arrived {
			if want := schedule[a.offer].at + shape.Delay + 80*time.Microsecond; a.at != want {
				t.Fatalf("packet %d arrived at %v, want %v", a.offer, a.at, want)
			}
		}
	})
	for _, loss := range []float64{-0.1, 1, math.NaN()} {
		if _, err := (bridge.Shape{Loss: loss}).Resolve(); err == nil {
			t.Errorf("a loss of %v is taken", loss)
		}
	}
}
