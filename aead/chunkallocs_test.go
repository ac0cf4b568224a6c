package aead_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/internal/faultconn"
)

// Once warm, no burst allocates, in either direction.
func TestStreamAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops one Put in four under the race detector")
	}
	needsSockets(t)
	const size = 100 << 10
	a := mustAEAD(t, aead.AES128GCM)
	rawIn, rawOut := tcpPair(t)
	target, far := tcpPair(t)
	w := mustWriter(t, rawIn, chunkConfig(a, nil))
	r := mustReader(t, rawOut, chunkConfig(a, nil))
	p := make([]byte, size)
	got := make([]byte, size)
	src := new(faultconn.Burst)

	write := func() {
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	step := func() {
		for moved := int64(0); moved < size; {
			n, err := r.Step(target, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			moved += n
		}
		if _, err := io.ReadFull(far, got); err != nil {
			t.Fatal(err)
		}
	}
	for name, f := range map[string]func(){
		"Write, Step": func() { write(); step() },
		"Write, Read": func() {
			write()
			if _, err := io.ReadFull(r, got); err != nil {
				t.Fatal(err)
			}
		},
		"ReadFrom, Step": func() {
			src.Left = size
			if n, err := w.ReadFrom(src); n != size || err != nil {
				t.Fatal(n, err)
			}
			step()
		},
	} {
		for range 20 {
			f()
		}
		// A collection may empty a sync.Pool, but not in every run.
		least := 1e9
		for range 10 {
			if least = min(least, testing.AllocsPerRun(10, f)); least == 0 {
				break
			}
		}
		if least != 0 {
			t.Errorf("%s: %v allocations a burst", name, least)
		}
	}
	if !bytes.Equal(got, p) {
		t.Error("wrong bytes")
	}
}
