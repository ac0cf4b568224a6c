package connpool

import (
	"math"
	"time"
)

// demandWindow is how long demand is counted before it is averaged.
const demandWindow = time.Second

// demand estimates how many connections of a key are used up in a second:
// taken and not put back.
type demand struct {
	since time.Duration // of the window
	net   int           // taken less put back, within it
	rate  float64       // a second, averaged
	took  float64       // seconds that a dial takes, averaged
}

// take counts n connections at now.
func (d *demand) take(n int, now time.Duration) {
	if age := now - d.since; age >= demandWindow {
		d.rate = d.average(now)
		d.since, d.net = now, 0
	}
	d.net += n
}

// average weighs the window against what was before, by halves when it is over;
// from then on without demand it halves with each window's length.
func (d *demand) average(now time.Duration) float64 {
	windows := float64(now-d.since) / float64(demandWindow)
	seen := math.Max(float64(d.net), 0) / demandWindow.Seconds()
	if windows < 1 {
		return (1-windows/2)*d.rate + seen/2
	}
	return (d.rate + seen) / 2 * math.Exp2(1-windows)
}

// dialed notes how long a dial took.
func (d *demand) dialed(took time.Duration) {
	if d.took == 0 {
		d.took = took.Seconds()
	}
	d.took += (took.Seconds() - d.took) / 8
}

// reserve is how many connections go by while a dial lasts, times factor: at
// least one as long as there is any demand.
func (d *demand) reserve(factor float64, now time.Duration) int {
	rate := d.average(now)
	if rate < 0.05 || d.took == 0 {
		return 0
	}
	return int(math.Ceil(rate * d.took * factor))
}
