package main

import (
	"time"

	"github.com/headrace-go/headrace/bench/internal/link"
	"github.com/headrace-go/headrace/bench/internal/report"
)

// What is the same for every row and every run.
const (
	many     = 16               // connections where there is more than one
	exchange = 1 << 20          // bytes each way before the second state of memory
	quiet    = 60 * time.Second // after them
)

// settings plans a run in loopback mode over that many rows.
func (o *options) settings(rows int) report.Settings {
	s := report.Settings{
		Rounds: o.rounds, Many: many, Idle: o.idle, Exchange: exchange, Quiet: quiet,
		// What every row here can carry, beside which round trips are measured.
		Levels: []report.Level{{Name: "100 MB/s", BytesPerSecond: 100e6}},
	}
	s.Window = o.window(rows, len(s.Levels))
	if o.seconds > 0 {
		s.Window = time.Duration(o.seconds * float64(time.Second))
	}
	s.Warm = s.Window / 4
	return s
}

// linkSettings plans a run in link mode, on a link that carries what m says.
func (o *options) linkSettings(rows int, m link.Measurement) report.Settings {
	s := o.settings(rows)
	if o.seconds == 0 {
		s.Window = 1500 * time.Millisecond
	}
	// TCP needs a few dozen round trips to find its rate.
	s.Warm = time.Second
	full := m.Down / 8
	s.Levels = []report.Level{
		{Name: "50% load", BytesPerSecond: uint64(0.5 * full)},
		{Name: "90% load", BytesPerSecond: uint64(0.9 * full)},
	}
	return s
}

// window is how long a measurement may be if a run is to take less than three
// minutes. Memory takes fifteen seconds or so per proxy. In a round a row does
// five measurements and one per level, each after a warm-up of a quarter of
// its length, and half a one (set-up), and has its processes started.
func (o *options) window(rows, levels int) time.Duration {
	const (
		budget   = 170 * time.Second
		memory   = 15 * time.Second
		start    = 800 * time.Millisecond
		shortest = 200 * time.Millisecond
		longest  = time.Second
	)
	left := budget
	if o.idle > 0 {
		left -= time.Duration(rows-1) * memory
	}
	part := left/time.Duration(o.rounds*rows) - start
	each := time.Duration(float64(part) / (float64(5+levels)*1.25 + 0.5))
	return min(max(each, shortest), longest).Round(10 * time.Millisecond)
}
