package aead_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/headrace-go/headrace/aead"
)

// full is what a source with Readv has at the moment: one burst.
type full struct {
	n    int
	left int
}

func (f *full) Read(p []byte) (int, error) { return f.Readv([][]byte{p}) }

func (f *full) Readv(bufs [][]byte) (int, error) {
	total := 0
	for _, b := range bufs {
		n := min(len(b), f.left)
		clear(b[:n])
		f.left -= n
		total += n
	}
	if total == 0 {
		return 0, io.EOF
	}
	return total, nil
}

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
	src := &full{n: size}

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
			src.left = src.n
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
