package faultconn

import "io"

// A Burst is a source that has Left zeroes at the moment, and then its end. It
// is read by Readv, too.
type Burst struct{ Left int }

// Read fills p as far as there are zeroes left, and returns io.EOF behind them.
func (b *Burst) Read(p []byte) (int, error) { return b.Readv([][]byte{p}) }

// Readv does the same for bufs, one after the other. It does not keep them.
func (b *Burst) Readv(bufs [][]byte) (int, error) {
	total := 0
	for _, p := range bufs {
		n := min(len(p), b.Left)
		clear(p[:n])
		b.Left -= n
		total += n
	}
	if total == 0 {
		return 0, io.EOF
	}
	return total, nil
}
