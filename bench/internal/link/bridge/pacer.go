package bridge

import "time"

// Grain is how coarse the bridge's times become under load. To wake up is what
// costs a bridge most, so beyond a short burst it does so once per Grain
// and handles what has come together meanwhile.
const Grain = 250 * time.Microsecond

// freeWakes is how many wake-ups may follow each other at once. The few packets
// of a round trip on an idle link stay below it, and are handled on time.
const freeWakes = 8

// A pacer spaces wake-ups: a token bucket of freeWakes, refilled once per Grain.
type pacer struct{ paid time.Time }

// wait returns how long to sleep, whatever happens, before the next wake-up.
func (p *pacer) wait(now time.Time) time.Duration {
	if p.paid.Before(now) {
		p.paid = now
	}
	p.paid = p.paid.Add(Grain)
	return max(p.paid.Sub(now)-freeWakes*Grain, 0)
}
