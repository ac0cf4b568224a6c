package burst_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/headrace-go/headrace/internal/burst"
)

// TestPayloadsModel adds parts of a buffer, with gaps between them, and compares
// with a naive twin that copies all: the bytes, their count, and what is left
// behind any byte.
func TestPayloadsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		join := rapid.SampledFrom([]int{0, 1, 50, 2 << 10, 16 << 10}).Draw(t, "join")
		buf := random(1, 64<<10)
		g := burst.Gather()
		defer g.Free()
		var want [][]byte
		for at := 0; !g.Full(); {
			at += rapid.IntRange(0, 40).Draw(t, "gap")
			n := rapid.SampledFrom([]int{1, 2, 49, 50, 51, 1000, 3000}).Draw(t, "payload")
			if at+n > len(buf) || rapid.IntRange(0, 30).Draw(t, "stop") == 30 {
				break
			}
			want = append(want, bytes.Clone(buf[at:at+n]))
			g.Add(buf[at:at+n], join) // as long as the buffer in capacity
			at += n
		}
		all := naive(want)
		if g.Size != int64(len(all)) || !bytes.Equal(naive(g.Bufs[:g.N]), all) {
			t.Fatalf("%d bytes, or others than the %d that were added", g.Size, len(all))
		}
		for i := 1; i < g.N; i++ {
			if a, b := g.Bufs[i-1], g.Bufs[i]; len(a) < join && len(b) < join {
				t.Fatalf("payloads of %d and %d bytes side by side, join is %d", len(a), len(b), join)
			}
		}
		done := rapid.IntRange(0, len(all)).Draw(t, "done")
		if rest := g.From(int64(done)); !bytes.Equal(rest, all[done:]) {
			t.Fatalf("behind %d of %d bytes: %d, or others", done, len(all), len(rest))
		}
		g.Reset()
		if g.N != 0 || g.Size != 0 || g.Bufs[0] != nil || g.Full() {
			t.Fatal("Reset left something behind")
		}
	})
}

// What is left behind any byte is one slice, whatever the pieces.
func TestPayloadsFromEveryByte(t *testing.T) {
	want := naive([][]byte{[]byte("one"), []byte("two"), []byte("three")})
	for n := range len(want) + 1 {
		buf := []byte("one,two,,three")
		g := burst.Gather()
		g.Add(buf[0:3], 0)
		g.Add(buf[4:7], 0)
		g.Add(buf[9:14], 0)
		if got := g.From(int64(n)); !bytes.Equal(got, want[n:]) {
			t.Errorf("From(%d) = %q, want %q", n, got, want[n:])
		}
		g.Free()
	}
}

func TestPayloadsFull(t *testing.T) {
	buf := make([]byte, 2*burst.GatherMax)
	g := burst.Gather()
	for i := range burst.GatherMax {
		if g.Full() {
			t.Fatalf("full after %d payloads", i)
		}
		g.Add(buf[2*i:2*i+1], 0)
	}
	if !g.Full() {
		t.Error("not full")
	}
	g.Free()
}
