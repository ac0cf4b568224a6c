package vecio_test

import (
	"bytes"
	"io"
	"os"
	"testing"
	"time"

	"github.com/headrace-go/headrace/vecio"
)

// openFiles returns the number of open descriptors.
func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestBulkIsSpliced(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, noSplice := range []bool{false, true} {
			a, b := socketLeg(t, network), socketLeg(t, network)
			before := openFiles(t)
			w := &counted{Conn: a.inner}
			a.inner = w
			data := random(4<<20, 3)
			sent := fillUp(t, a.outer, data)
			// Small bursts, so that every one of what is there is a full one.
			done := start(t, t.Context(), a, b, vecio.RelayConfig{NoSplice: noSplice, MaxBurst: 16 << 10})
			go send(a.outer, data[sent:])
			got, err := io.ReadAll(b.outer)
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%s: got %d bytes, %v, want %d", network, len(got), err, len(data))
			}
			b.outer.Close()
			r := <-done
			if r.err != nil || (r.stats.AToB.Spliced > 0) == noSplice {
				t.Errorf("%s, NoSplice %v: %d of %d bytes spliced, %v", network, noSplice, r.stats.AToB.Spliced, r.stats.AToB.Bytes, r.err)
			}
			if w.read.Load() != int64(len(data)) {
				t.Errorf("%s: the wrapper counted %d bytes, want %d", network, w.read.Load(), len(data))
			}
			if after := openFiles(t); after > before {
				t.Errorf("%s: %d files open before the relay, %d after", network, before, after)
			}
		}
	}
}

// TestSpliceEndsWithTheBulk: after bulk, a ping-pong is copied again, and no
// pipe is held while the flow is idle.
func TestSpliceEndsWithTheBulk(t *testing.T) {
	a, b := socketLeg(t, "tcp"), socketLeg(t, "tcp")
	var meter vecio.Meter
	data := random(4<<20, 3)
	sent := fillUp(t, a.outer, data)
	done := start(t, t.Context(), a, b, vecio.RelayConfig{Meter: &meter, MaxBurst: 16 << 10})
	go a.outer.Write(data[sent:])
	if _, err := io.CopyN(io.Discard, b.outer, int64(len(data))); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	const rounds = 100
	for range rounds {
		if _, err := a.outer.Write(buf); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(b.outer, buf); err != nil {
			t.Fatal(err)
		}
	}
	a.outer.Close()
	b.outer.Close()
	r := <-done
	copied := r.stats.AToB.Bytes - r.stats.AToB.Spliced
	if r.stats.AToB.Spliced == 0 || copied < rounds/2*int64(len(buf)) {
		t.Fatalf("%d bytes, %d of them spliced: want the bulk spliced and the ping-pong copied", r.stats.AToB.Bytes, r.stats.AToB.Spliced)
	}
}

// TestSplicedRelayParks: a flow that falls silent while it is spliced gives up
// its goroutine like any other, and goes on afterwards.
func TestSplicedRelayParks(t *testing.T) {
	a, b := socketLeg(t, "tcp"), socketLeg(t, "tcp")
	p := newParker(t)
	before := openFiles(t)
	data := random(4<<20, 3)
	sent := fillUp(t, a.outer, data)
	done := start(t, t.Context(), a, b, vecio.RelayConfig{Parker: p, ParkAfter: time.Microsecond, MaxBurst: 16 << 10})
	go a.outer.Write(data[sent:])
	if _, err := io.CopyN(io.Discard, b.outer, int64(len(data))); err != nil {
		t.Fatal(err)
	}
	awaitParked(t, p, 2)
	if _, err := a.outer.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 3)
	if _, err := io.ReadFull(b.outer, buf); err != nil || string(buf) != "abc" {
		t.Fatalf("after the park: %q, %v", buf, err)
	}
	a.outer.Close()
	b.outer.Close()
	if r := <-done; r.err != nil || r.stats.AToB.Spliced == 0 {
		t.Errorf("%d bytes spliced, %v", r.stats.AToB.Spliced, r.err)
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d files open before the relay, %d after", before, after)
	}
}
