package h2mux_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/headrace-go/headrace/mux/h2mux"
)

// A budget grants limit bytes.
type budget struct{ used, limit, most atomic.Int64 }

func newBudget(limit int64) *budget {
	b := &budget{}
	b.limit.Store(limit)
	return b
}

func (b *budget) TryReserve(n int) bool {
	used := b.used.Add(int64(n))
	if used > b.limit.Load() {
		b.used.Add(-int64(n))
		return false
	}
	b.most.Store(max(b.most.Load(), used))
	return true
}

func (b *budget) Release(n int) {
	if b.used.Add(-int64(n)) < 0 {
		panic("more is released than was reserved")
	}
}

// A sender is a peer that keeps account of what it may send.
type sender struct {
	*peer
	server     *h2mux.Session
	stream     uint32
	credit     int64            // of the stream
	others     map[uint32]int64 // what others have got
	connection int64
	sent       int64
	advertised int64 // the most that credit has ever been
}

// settle takes the updates in that have come, when nothing moves.
func (s *sender) settle() {
	synctest.Wait()
	for {
		select {
		case f := <-s.frames:
			switch f := f.(type) {
			case *settings:
				s.credit += int64(f.values[http2.SettingInitialWindowSize])
			case *http2.WindowUpdateFrame:
				switch f.StreamID {
				case 0:
					s.connection += int64(f.Increment)
				case s.stream:
					s.credit += int64(f.Increment)
				default:
					s.others[f.StreamID] += int64(f.Increment)
				}
			}
			s.advertised = max(s.advertised, s.credit)
		default:
			return
		}
	}
}

// send sends n bytes as fast as its windows allow, and returns how many it could
// not send.
func (s *sender) send(n int) (left int) {
	for s.settle(); n > 0; s.settle() {
		k := int(min(int64(n), s.credit, s.connection, 16<<10))
		if k == 0 {
			break
		}
		s.check(s.framer.WriteData(s.stream, false, make([]byte, k)))
		n -= k
		s.sent += int64(k)
		s.credit -= int64(k)
		s.connection -= int64(k)
	}
	return n
}

// flooded returns a stream whose peer sends: the server's end of it, and the peer's.
func flooded(t *testing.T, cfg h2mux.Config) (*sender, *h2mux.Stream) {
	t.Helper()
	cfg.KeepAlive = -1
	p, s := newPeer(t, cfg)
	from := &sender{peer: p, server: s, stream: 1, others: map[uint32]int64{}, connection: window}
	p.connect(1)
	st, err := s.AcceptStream(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	from.settle()
	return from, st
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

// TestWindowGrowsAndShrinks: a stream's window grows while its peer uses it up
// quickly, on account of the budget, and shrinks when it does not: by updates
// that are withheld, since credit cannot be taken back.
func TestWindowGrowsAndShrinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := newBudget(64 * mib)
		from, st := flooded(t, h2mux.Config{Window: 64 * kib, MaxWindow: mib, Budget: account})
		if from.credit != 64*kib {
			t.Fatalf("the window is %d bytes at first", from.credit)
		}
		go io.Copy(io.Discard, st)
		if left := from.send(16 * mib); left > 0 {
			t.Fatalf("%d bytes could not be sent", left)
		}
		if from.credit < mib/2 || from.advertised > mib || account.used.Load() != mib-64*kib {
			t.Errorf("after a fast peer: credit %d, %d at most, of which %d are reserved, want 1 MiB", from.credit, from.advertised, account.used.Load())
		}
		// A slow one: each message is far below a window in two round trips.
		least := from.credit
		for range 4 * mib / (8 * kib) {
			time.Sleep(10 * time.Millisecond)
			if left := from.send(8 * kib); left > 0 {
				t.Fatalf("%d bytes could not be sent", left)
			}
			least = min(least, from.credit)
			if bound := account.used.Load() + 64*kib; from.credit > bound {
				t.Fatalf("the peer has credit for %d bytes, and %d are accounted for", from.credit, bound)
			}
		}
		if from.credit > 64*kib || account.used.Load() != 0 || least <= 0 {
			t.Errorf("after a slow peer: credit %d, %d at least, %d reserved, want the floor", from.credit, least, account.used.Load())
		}
		// And back.
		from.send(16 * mib)
		if account.used.Load() != mib-64*kib {
			t.Errorf("after a fast peer again: %d bytes reserved", account.used.Load())
		}
		from.check(from.framer.WriteRSTStream(1, http2.ErrCodeCancel))
		synctest.Wait()
		if n := account.used.Load(); n != 0 {
			t.Errorf("%d bytes are reserved for a stream that was reset", n)
		}
	})
}

// TestWindowWithoutBudget: where the budget refuses, the stream goes on with the
// floor, and grows when there is budget again.
func TestWindowWithoutBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := newBudget(0)
		from, st := flooded(t, h2mux.Config{Window: 64 * kib, MaxWindow: 4 * mib, Budget: account})
		go io.Copy(io.Discard, st)
		if left := from.send(4 * mib); left > 0 {
			t.Fatalf("%d bytes could not be sent", left)
		}
		if from.advertised > 64*kib || account.most.Load() != 0 {
			t.Errorf("without a budget the window was %d bytes, and %d were reserved", from.advertised, account.most.Load())
		}
		account.limit.Store(400 * kib)
		if left := from.send(4 * mib); left > 0 {
			t.Fatalf("%d bytes could not be sent", left)
		}
		if from.advertised > 256*kib || account.used.Load() != 192*kib {
			t.Errorf("with a budget of 400 KiB the window was %d bytes, and %d are reserved; want 256 KiB", from.advertised, account.used.Load())
		}
	})
}

// TestWindowOfSlowReader: the window of one of several streams does not grow while
// its reader is behind, be the peer as fast as it likes: there would only be more
// unread.
func TestWindowOfSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := newBudget(64 * mib)
		from, st := flooded(t, h2mux.Config{Window: 64 * kib, MaxWindow: mib, Budget: account})
		from.connect(3)
		from.settle()
		other := &sender{peer: from.peer, stream: 3, others: map[uint32]int64{}, credit: 64 * kib}
		buf := make([]byte, 4*kib)
		for from.sent < 4*mib {
			from.send(64 * kib) // as much as there is credit for
			other.connection = from.connection
			other.send(1)
			from.connection = other.connection
			if _, err := io.ReadFull(st, buf); err != nil {
				t.Fatal(err)
			}
		}
		if from.advertised > 64*kib || account.most.Load() != 0 {
			t.Errorf("the window grew to %d bytes, and %d were reserved", from.advertised, account.most.Load())
		}
	})
}

// TestWindowByDefault: one fast stream has the largest window without any
// budget of its own, and gives back what it has from the process's.
func TestWindowByDefault(t *testing.T) {
	for range 5 { // more than there would be if it were not given back
		synctest.Test(t, func(t *testing.T) {
			from, st := flooded(t, h2mux.Config{})
			go io.Copy(io.Discard, st)
			if left := from.send(32 * mib); left > 0 {
				t.Fatalf("%d bytes could not be sent", left)
			}
			if from.advertised <= 4*mib-16*kib || from.advertised > 4*mib {
				t.Errorf("the window grows to %d bytes, want 4 MiB less a part of a turn", from.advertised)
			}
		})
	}
}

// TestWindowUnread: what nobody reads is bounded by the window, whatever the
// peer does, and is accounted for to the end.
func TestWindowUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := newBudget(64 * mib)
		from, st := flooded(t, h2mux.Config{Window: 64 * kib, MaxWindow: mib, Budget: account})
		reading := make(chan struct{})
		go func() {
			io.CopyN(io.Discard, st, 8*mib)
			close(reading)
		}()
		from.send(8 * mib)
		<-reading
		left := from.send(8 * mib)
		if left == 0 || from.credit != 0 {
			t.Errorf("%d bytes were sent that nobody reads", 8*mib-left)
		}
		unread := from.sent - 8*mib
		if bound := account.used.Load() + 64*kib; unread > bound || unread < mib/2 {
			t.Errorf("%d bytes are unread, %d accounted for", unread, bound)
		}
		// Others are not stopped by it.
		from.connect(3)
		other := &sender{peer: from.peer, stream: 3, others: map[uint32]int64{}, connection: from.connection, credit: 64 * kib}
		if left := other.send(64 * kib); left > 0 {
			t.Errorf("another stream can send %d bytes less than its window", left)
		}
		if err := st.CloseRead(); err != nil {
			t.Fatal(err)
		}
		from.check(from.framer.WriteRSTStream(1, http2.ErrCodeCancel))
		synctest.Wait()
		if n := account.used.Load(); n != 0 {
			t.Errorf("%d bytes are reserved at the end", n)
		}
	})
}
