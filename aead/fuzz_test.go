package aead_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/headrace-go/headrace/aead"
)

// FuzzChunkReader gives the reader what a peer may send, in pieces of any
// size, and compares every way to read with the twin.
func FuzzChunkReader(f *testing.F) {
	good := twinSeal(paper{}, []byte("one"), nil, make([]byte, 300))
	f.Add(good, uint8(0), uint8(0), uint8(0))
	f.Add(good[:50], uint8(1), uint8(3), uint8(1))
	f.Add(twinSeal(paper{}, make([]byte, 0x3FFF))[:9000], uint8(100), uint8(255), uint8(2))
	f.Add(twinSeal(paper{}, make([]byte, 0x4000)), uint8(255), uint8(1), uint8(3))
	f.Fuzz(func(t *testing.T, wire []byte, size1, size2, received uint8) {
		a := paper{}
		want, wantErr := twinOpen(a, wire)
		for _, d := range drainers {
			l := newLedger()
			cfg := chunkConfig(a, l)
			split := min(int(received), len(wire))
			cfg.Received = wire[:split]
			r := mustReader(t, newLayered(wire[split:], 1+int(size1)*3, 1+int(size2)), cfg)
			got, err := d.drain(r)
			if !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, want %d", d.name, len(got), len(want))
			}
			for twin, ours := range map[error]error{
				nil: nil, errTwinForged: aead.ErrOpen, errTwinLong: aead.ErrTooLong, errTwinTruncated: aead.ErrTruncated,
			} {
				if errors.Is(wantErr, twin) && !errors.Is(err, ours) {
					t.Errorf("%s: %v, the twin says %v", d.name, err, wantErr)
				}
			}
			l.check(t, 0)
			if l.peak > 4*(16<<10)+len(wire) {
				t.Errorf("%s: %d bytes held for a wire of %d", d.name, l.peak, len(wire))
			}
		}
	})
}
