package h2mux

import (
	"time"

	"github.com/headrace-go/headrace/mux"
)

// A bucket bounds how often the peer may do what costs it less than us: a burst,
// and a rate at which that is forgotten.
type bucket struct {
	name  string
	burst float64
	rate  float64 // per second

	level float64
	last  time.Time
}

// The limits. What well-behaved peers do stays far below them.
//
// resets: rapid reset (CVE-2023-44487), and streams that we reset because of
// what the peer did on them (MadeYouReset, CVE-2025-8671).
// pings, settings: each asks for an answer.
// empties: DATA without bytes that does not end a stream, and header blocks in
// pieces without bytes.
// trifles: PRIORITY, unknown frames, WINDOW_UPDATE for streams that are gone.
type limits struct{ resets, pings, settings, empties, trifles bucket }

func newLimits() limits {
	return limits{
		resets:   bucket{name: "resets", burst: 1000, rate: 100},
		pings:    bucket{name: "PING", burst: 500, rate: 50},
		settings: bucket{name: "SETTINGS", burst: 100, rate: 5},
		empties:  bucket{name: "empty frames", burst: 500, rate: 100},
		trifles:  bucket{name: "frames that mean nothing", burst: 10000, rate: 1000},
	}
}

const (
	// maxContinuations bounds the pieces of a header block, whatever their
	// length.
	maxContinuations = 32
	// maxControl bounds what waits to be sent in answer to the peer, in bytes.
	maxControl = 64 << 10
)

// fill counts one more. It returns an error when that is too often.
func (b *bucket) fill() error {
	now := time.Now()
	if !b.last.IsZero() {
		b.level = max(0, b.level-b.rate*now.Sub(b.last).Seconds())
	}
	b.last = now
	if b.level++; b.level > b.burst {
		return connError(mux.Calm, "too many "+b.name)
	}
	return nil
}
