package burst_test

import (
	"io"
	"math"
	"testing"

	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/slab"
)

// Once warm, no burst allocates, in either direction.
func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops one Put in four under the race detector")
	}
	a, b := faultconn.Sockets(t, "tcp")
	socket(t, a)
	target, far := faultconn.Sockets(t, "tcp")
	const size = 50 << 10
	frame := wire(make([]byte, size), 5000)
	y := new(toy)
	y.Init(b, slab.Default(), growth.New(nil, nil, 0), floor, nil)
	var d burst.Departures
	d.Init(a, slab.Default())
	win := growth.New(nil, nil, 0)
	got := make([]byte, size)
	w := new(watcher)
	wake := func() { t.Error("woken") }
	round := func() {
		buf := win.Get(len(frame))
		if len(buf) < len(frame) {
			t.Fatal("the budget has refused")
		}
		copy(buf, frame)
		if err := d.Send(&win, buf, buf); err != nil {
			t.Fatal(err)
		}
		for moved := 0; moved < size; {
			n, err := y.Step(target, 1<<20, y)
			if err == nil && n == 0 {
				err = y.Arrivals.Fill(true, math.MaxInt)
			}
			if err != nil {
				t.Fatal(err)
			}
			moved += int(n)
			y.tidy()
		}
		if _, err := io.ReadFull(far, got); err != nil {
			t.Fatal(err)
		}
		wakeup := y.Wakeup(y.more())
		if wakeup.Arrange(w, wake) == nil {
			t.Fatal("not arranged")
		}
	}
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%v allocations a round, want none", n)
	}
}
