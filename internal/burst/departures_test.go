package burst_test

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/growth"
)

func departures(dst io.Writer, l *ledger) (*burst.Departures, *growth.Window) {
	d, win := new(burst.Departures), growth.New(l, l, 0)
	d.Init(dst, l)
	return d, &win
}

// send sends a copy of b from the middle of a buffer.
func send(d *burst.Departures, win *growth.Window, b []byte) error {
	buf := win.Get(len(b) + 10)
	wire := buf[5:][:min(len(b), len(buf)-5)]
	if len(wire) < len(b) {
		win.Put(buf)
		buf = win.Keep(len(b))
		wire = buf
	}
	copy(wire, b)
	return d.Send(win, buf, wire)
}

// A late destination misses its deadline when it has no room.
type late struct {
	bytes.Buffer
	room int
}

func (d *late) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	d.room -= n
	d.Buffer.Write(p[:n])
	if n < len(p) {
		return n, timeout
	}
	return n, nil
}

// TestDeparturesModel compares what arrives with what was sent and kept, in its
// order, over a destination that misses deadlines at any byte.
func TestDeparturesModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger()
		dst := new(late)
		d, win := departures(dst, l)
		var want []byte
		for i := range rapid.IntRange(1, 30).Draw(t, "acts") {
			l.limit = rapid.SampledFrom([]int{0, 1 << 30}).Draw(t, "budget")
			dst.room = rapid.SampledFrom([]int{0, 1, 100, 5000, 1 << 20}).Draw(t, "room")
			b := random(uint64(i), rapid.SampledFrom([]int{0, 1, 99, 100, 5000, 20_000}).Draw(t, "size"))
			var err error
			switch rapid.IntRange(0, 2).Draw(t, "act") {
			case 0:
				d.Keep(b)
				want = append(want, b...)
			case 1:
				err = d.Flush()
			default:
				if !d.Waiting() {
					err = send(d, win, b)
					want = append(want, b...)
				}
			}
			left := len(want) - dst.Len()
			if err != nil && err != timeout || d.Waiting() != (left > 0) {
				t.Fatalf("%d bytes are left, Waiting = %v, %v", left, d.Waiting(), err)
			}
			if !bytes.HasPrefix(want, dst.Bytes()) {
				t.Fatal("other bytes arrive than were sent")
			}
		}
		dst.room = 1 << 30
		if err := d.Flush(); err != nil || d.Waiting() || !bytes.Equal(dst.Bytes(), want) {
			t.Fatalf("Flush = %v; %d of %d bytes have arrived", err, dst.Len(), len(want))
		}
		l.check(t, 0)
	})
}

// A fault at any byte: a missed deadline costs nothing, a short write and all
// else is an error, and all memory goes back.
func TestDeparturesFaultsAtEveryByte(t *testing.T) {
	first, second := random(1, 60), random(2, 40)
	all := append(bytes.Clone(first), second...)
	for _, kind := range []faultconn.Kind{faultconn.Timeout, faultconn.End, faultconn.Reset} {
		for _, pieces := range []int{0, 1, 7} {
			for at := range len(all) {
				l := newLedger()
				a, b := faultconn.Pair(0)
				c := faultconn.Wrap(a, faultconn.Plan{Write: faultconn.Script{
					MaxBytes: pieces,
					Faults:   []faultconn.Fault{{After: int64(at), Kind: kind}, {After: int64(at), Kind: kind}},
				}})
				d, win := departures(c, l)
				err := send(d, win, first)
				if err == nil || errors.Is(err, timeout) {
					for err = d.Flush(); errors.Is(err, timeout); err = d.Flush() {
					}
					if err == nil {
						err = send(d, win, second)
					}
					for errors.Is(err, timeout) {
						err = d.Flush()
					}
				}
				if d.Waiting() {
					t.Errorf("%v at %d: Waiting behind %v", kind, at, err)
				}
				l.check(t, 0)
				_ = a.CloseWrite()
				got, _ := io.ReadAll(b)
				switch {
				case kind == faultconn.Timeout && (err != nil || !bytes.Equal(got, all)),
					kind == faultconn.End && (!errors.Is(err, syscall.EPIPE) || !bytes.Equal(got, all[:at])),
					kind == faultconn.Reset && (!errors.Is(err, syscall.ECONNRESET) || !bytes.HasPrefix(all, got)):
					t.Fatalf("%v at %d in pieces of %d: %d bytes, %v", kind, at, pieces, len(got), err)
				}
				a.Close()
				b.Close()
			}
		}
	}
}

func TestDeparturesShortWrite(t *testing.T) {
	for room := range 10 {
		l := newLedger()
		q := &quitter{room: room}
		d, win := departures(q, l)
		if err := send(d, win, random(1, 10)); err != io.ErrShortWrite || q.Len() != room {
			t.Errorf("room %d: Send = %v, %d bytes arrived", room, err, q.Len())
		}
		d.Keep(random(1, 10))
		q.room = room
		if err := d.Flush(); err != io.ErrShortWrite {
			t.Errorf("room %d: Flush = %v", room, err)
		}
		d.Forget()
		l.check(t, 0)
	}
}

// A write that stalls keeps only what has not left, and behind a missed deadline
// it goes on where it was.
func TestDeparturesStall(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		a, b := faultconn.Sockets(t, network)
		socket(t, a)
		l := newLedger()
		d, win := departures(a, l)
		want := random(3, 16<<20)
		first := make([]byte, 1)
		begun := make(chan error, 1)
		go func() { // a deadline from the start might pass before anything was written
			_, err := io.ReadFull(b, first)
			begun <- errors.Join(err, a.SetWriteDeadline(gone))
		}()
		err := send(d, win, want)
		if err := <-begun; err != nil {
			t.Fatal(err)
		}
		if !errors.Is(err, timeout) || !d.Waiting() {
			t.Fatalf("%s: Send = %v, Waiting = %v", network, err, d.Waiting())
		}
		left := l.held()
		if left == 0 || left >= len(want) {
			t.Errorf("%s: %d of %d bytes are kept", network, left, len(want))
		}
		if err := d.Flush(); !errors.Is(err, timeout) {
			t.Errorf("%s: Flush = %v, want a missed deadline", network, err)
		}
		l.check(t, left)
		_ = a.SetWriteDeadline(gone.AddDate(1000, 0, 0))
		sent := make(chan error, 1)
		go func() { sent <- errors.Join(d.Flush(), a.(interface{ CloseWrite() error }).CloseWrite()) }()
		got, err := io.ReadAll(b)
		if err := errors.Join(err, <-sent); err != nil || !bytes.Equal(append(first, got...), want) {
			t.Errorf("%s: %d of %d bytes, %v", network, len(got)+1, len(want), err)
		}
		l.check(t, 0)
	}
}

// Try does not wait for a peer that does not read.
func TestDeparturesTry(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	sock := socket(t, b)
	d, _ := departures(a, newLedger())
	if !d.Try([]byte("last word")) {
		t.Error("Try = false over a socket")
	}
	if err := sock.Wait(); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 20)
	if n, err := b.Read(p); string(p[:n]) != "last word" || err != nil {
		t.Errorf("Read = %q, %v", p[:n], err)
	}
	if !d.Try(make([]byte, 64<<20)) {
		t.Error("Try = false over a socket that is full")
	}
	for name, dst := range map[string]io.Writer{"writer": new(quitter), "opaque": opaque{a}} {
		if d, _ := departures(dst, newLedger()); d.Try([]byte("x")) {
			t.Errorf("%s: Try = true", name)
		}
	}
}
