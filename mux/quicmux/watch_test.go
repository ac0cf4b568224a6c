package quicmux

import (
	"testing"
	"time"
)

// TestWatch: which senders are found out.
func TestWatch(t *testing.T) {
	const (
		packet = 1280
		little = 32 * packet
		rtt    = 20 * time.Millisecond
	)
	// A round is what happens from one sample to the next.
	type round = func(i int, s *sample)
	double := func(i int, s *sample) { s.sent += s.window * (1<<watchSpan - 1); s.window <<= watchSpan }
	upload := func(_ int, s *sample) { s.sent += watchSpan * s.window; s.window += watchSpan * packet }
	// download is of a peer whose window was little, and grows by a packet.
	download := func(i int, s *sample) { s.received += watchSpan * uint64(little+i*watchSpan*packet) }
	for _, tt := range []struct {
		name  string
		least time.Duration
		round round
		found int // the sample that finds it; 0: none does
	}{
		{"upload with a small window", rtt, upload, 1},
		{"after a loss", rtt, func(i int, s *sample) { s.lost = 1; upload(i, s) }, 0},
		{"with a queue", rtt, func(i int, s *sample) { s.rtt = rtt * 5 / 4; upload(i, s) }, 0},
		{"slow start", rtt, double, 0},
		{"little to send", rtt, func(_ int, s *sample) { s.sent += watchSpan * s.window / 2 }, 0},
		{"nothing to send", rtt, func(int, *sample) {}, 0},
		{"a short way", 2 * time.Millisecond, upload, 0},
		{"download with a small window", rtt, download, 1 + 1 + watchCreep - 1},
		{"download with a queue", rtt, func(i int, s *sample) { s.rtt = rtt * 5 / 4; download(i, s) }, 0},
		{"download at a rate", rtt, func(_ int, s *sample) { s.received += 1 << 20 }, 0},
		{"download of short messages", rtt, func(i int, s *sample) { s.received += uint64(i%3) * 1000 }, 0},
		{"download in slow start", rtt, func(i int, s *sample) { s.received += little << (watchSpan * i) }, 0},
		{"download on a short way", 2 * time.Millisecond, download, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w watch
			s := sample{at: time.Unix(1, 0), window: little, rtt: tt.least, least: tt.least}
			for i := range 6 {
				found := w.next(s)
				if want := tt.found > 0 && i == tt.found; found != want {
					t.Fatalf("sample %d: next = %v", i, found)
				} else if found {
					return
				}
				s.rtt = tt.least
				tt.round(i, &s)
				s.at = s.at.Add(watchSpan * s.rtt)
			}
		})
	}
}
