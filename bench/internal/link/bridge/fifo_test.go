package bridge

import (
	"bytes"
	"testing"
	"time"
)

// FuzzFIFO compares the ring with a plain slice of packets. Each byte of the input is
// one step: 0 takes the oldest packet out, any other pushes one of that length.
func FuzzFIFO(f *testing.F) {
	f.Add([]byte{1, 2, 3, 0, 0, 0, 0})
	f.Add([]byte{255, 255, 255, 0, 0, 200, 0, 255, 0, 0, 255})
	f.Add(bytes.Repeat([]byte{200, 200, 0, 100, 0}, 50))
	f.Fuzz(func(t *testing.T, steps []byte) {
		const capacity = 700
		ring := newFIFO(capacity)
		ring.packets = ring.packets[:1] // to see it grow
		var model [][]byte
		stored := 0
		for i, step := range steps {
			if step == 0 {
				first, ok := ring.first()
				if ok != (len(model) > 0) {
					t.Fatalf("step %d: first() = %v with %d packets stored", i, ok, len(model))
				}
				if !ok {
					continue
				}
				if got := ring.pop(); !bytes.Equal(got, model[0]) || first.size.Bytes != len(got) {
					t.Fatalf("step %d: pop() = %v of size %v, want %v", i, got, first.size, model[0])
				}
				stored -= len(model[0])
				model = model[1:]
				continue
			}
			b := bytes.Repeat([]byte{byte(i)}, int(step))
			switch ok := ring.push(b, time.Time{}, Size{1, len(b)}); {
			case ok:
				model = append(model, b)
				stored += len(b)
			case stored+3*255 <= capacity, len(model) == 0:
				t.Fatalf("step %d: no room for %d bytes with %d stored of %d", i, len(b), stored, capacity)
			}
			if stored > capacity {
				t.Fatalf("step %d: %d bytes stored, of %d", i, stored, capacity)
			}
		}
	})
}
