package h2mux_test

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/mux/h2mux"
)

// TestFlight: what a peer may have on its way on all streams together is little
// at first, grows while it is used up at once, and shrinks when it is not. What
// nobody reads does not count.
func TestFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := newBudget(64 * mib)
		from, st := flooded(t, h2mux.Config{Window: 64 * kib, MaxWindow: mib, Budget: account})
		if from.connection != 256*kib {
			t.Fatalf("the connection's window is %d bytes at first", from.connection)
		}
		// Streams that nobody reads take none of it for good.
		for i := range 7 {
			id := uint32(2*i + 3)
			from.connect(id)
			other := &sender{peer: from.peer, stream: id, others: map[uint32]int64{}, connection: from.connection, credit: 64 * kib}
			if left := other.send(64 * kib); left > 0 {
				t.Fatalf("stream %d: %d bytes could not be sent", id, left)
			}
			from.connection = other.connection
		}
		if from.connection < 192*kib {
			t.Errorf("with seven streams unread %d bytes are left of the connection's window", from.connection)
		}
		go io.Copy(io.Discard, st)
		if left := from.send(32 * mib); left > 0 {
			t.Fatalf("%d bytes could not be sent", left)
		}
		grown := from.connection
		if grown < mib || grown > 256*mib {
			t.Errorf("after a fast peer the connection's window is %d bytes", grown)
		}
		for from.connection > 256*kib {
			time.Sleep(time.Second)
			if left := from.send(32 * kib); left > 0 {
				t.Fatalf("%d bytes could not be sent", left)
			}
			if from.sent > 4<<30 {
				t.Fatalf("after a slow peer the connection's window is %d bytes, and was %d", from.connection, grown)
			}
		}
	})
}
