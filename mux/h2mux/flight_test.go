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
			other := &sender{peer: from.peer, stream: id, others: from.others, connection: from.connection, credit: 64 * kib}
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

// TestFlightNear: a peer that is near may have 1 MiB on its way on several streams
// when nobody has sent short messages for a while, and 256 KiB before and after.
func TestFlightNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, st := flooded(t, h2mux.Config{})
		go io.Copy(io.Discard, st)
		ids := []uint32{1, 3, 5}
		from.others[3], from.others[5] = from.credit, from.credit
		from.check(from.framer.WriteSettingsAck()) // so that the way is known to be short
		for _, id := range ids[1:] {
			from.connect(id)
			st, err := from.server.AcceptStream(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			go io.Copy(io.Discard, st)
		}
		send := func(id uint32, n int) {
			from.others[from.stream] = from.credit
			from.stream, from.credit = id, from.others[id]
			if left := from.send(n); left > 0 {
				t.Fatalf("%d bytes could not be sent on stream %d", left, id)
			}
		}
		for _, tt := range []struct {
			bulk, message int
			want          int64
		}{{2 * mib, 0, 256 * kib}, {6 * mib, 0, mib}, {2 * mib, 100, 256 * kib}, {8 * mib, 0, mib}, {mib, 4 * kib, mib}} {
			for range tt.bulk / (64 * kib) {
				time.Sleep(time.Millisecond) // it is no fast peer
				send(ids[0], 32*kib)
				send(ids[1], 32*kib)
				send(ids[2], tt.message)
			}
			if got := from.connection; got > tt.want || got < tt.want*3/4 {
				t.Errorf("after %d bytes in bulk beside messages of %d the peer may send %d, want %d", tt.bulk, tt.message, got, tt.want)
			}
		}
	})
}
