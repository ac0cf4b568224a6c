package burst_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/readiness"
)

const floor = growth.Floor

func arrivals(src io.Reader, l *ledger, received []byte) *burst.Arrivals {
	a := new(burst.Arrivals)
	a.Init(src, l, growth.New(l, l, 0), floor, received)
	return a
}

// TestArrivalsModel compares Arrivals with a queue of bytes, whatever a layer
// and its memory do: sources of three kinds, parts that are settled, budgets
// that come and go.
func TestArrivalsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := random(1, 200<<10)
		l := newLedger()
		src := &script{end: io.EOF, early: rapid.Bool().Draw(t, "early")}
		received := rapid.SampledFrom([]int{0, 1, 5000, 40_000}).Draw(t, "received")
		for left := data[received:]; len(left) > 0; {
			n := min(len(left), rapid.SampledFrom([]int{1, 3, 100, 1448, 5000, 30_000, 100_000}).Draw(t, "piece"))
			src.pieces, left = append(src.pieces, left[:n]), left[n:]
		}
		var in io.Reader = src
		wait := true
		if rapid.Bool().Draw(t, "layer") {
			in, wait = steps{src}, false
		}
		a := arrivals(in, l, data[:received])
		queue, rest := bytes.Clone(data[:received]), data[received:] // arrived, and not
		skip := func(n int) {
			a.Skip(n)
			queue = queue[n:]
		}
		for {
			l.limit = rapid.SampledFrom([]int{0, 20_000, 1 << 30}).Draw(t, "budget")
			if b := a.Unopened(); b != nil && !bytes.Equal(b, queue) {
				t.Fatalf("%d bytes are unopened, or others than the %d that came", len(b), len(queue))
			}
			if a.Empty() != (len(queue) == 0) {
				t.Fatalf("Empty = %v of %d bytes", a.Empty(), len(queue))
			}
			switch rapid.IntRange(0, 3).Draw(t, "act") {
			case 0:
				if n := len(a.Unopened()); n > 0 {
					skip(rapid.IntRange(1, n).Draw(t, "skip"))
				}
			case 1:
				a.Settle()
				l.check(t, len(queue))
			default:
				if a.Unopened() != nil {
					a.Need(len(queue) + rapid.SampledFrom([]int{1, 100, 16_000, 65_000}).Draw(t, "need"))
				}
				err := a.Fill(wait, rapid.SampledFrom([]int{1, 30_000, math.MaxInt}).Draw(t, "limit"))
				if err == io.EOF {
					if len(rest) > 0 {
						t.Fatalf("the end %d bytes early", len(rest))
					}
					l.check(t, len(queue))
					a.Discard()
					l.check(t, 0)
					return
				}
				if err != nil {
					t.Fatalf("Fill: %v", err)
				}
				n := len(a.Unopened()) - len(queue)
				if n <= 0 || n > len(rest) {
					t.Fatalf("Fill brought %d of %d bytes", n, len(rest))
				}
				queue, rest = append(queue, rest[:n]...), rest[n:]
			}
		}
	})
}

// A part that was settled has room in the next buffer, and so has what was
// needed before: a layer cannot look at it to say so again.
func TestArrivalsNeedOutlivesSettle(t *testing.T) {
	for _, need := range []int{0, 60_000} {
		for _, part := range []int{1, 4 << 10, 4<<10 + 1, 15_000} {
			data := random(2, 60_000)
			l := newLedger()
			a := arrivals(&script{pieces: [][]byte{data[part:]}, end: io.EOF}, l, data[:part])
			a.Need(need)
			a.Need(1) // does not take that back
			l.limit = 0
			a.Settle()
			l.check(t, part)
			for len(a.Unopened()) < max(need, part+1) {
				if err := a.Fill(true, 1); err != nil {
					t.Fatalf("part %d, need %d: Fill: %v", part, need, err)
				}
				if got := a.Unopened(); !bytes.HasPrefix(data, got) || len(got) <= part {
					t.Fatalf("part %d, need %d: %d bytes, or others than came", part, need, len(got))
				}
			}
			a.Discard()
			l.check(t, 0)
		}
	}
}

// An error that comes along with bytes is told after them, but for a missed
// deadline, after which the source goes on.
func TestArrivalsErrorWithBytes(t *testing.T) {
	broken := errors.New("broken")
	for _, end := range []error{io.EOF, broken, timeout} {
		l := newLedger()
		src := &script{pieces: [][]byte{[]byte("last")}, end: end, early: true}
		a := arrivals(src, l, nil)
		if err := a.Fill(true, math.MaxInt); err != nil || string(a.Unopened()) != "last" {
			t.Fatalf("%v: Fill = %v, %q", end, err, a.Unopened())
		}
		if pending := a.Pending(); pending != (end != timeout) {
			t.Errorf("%v: Pending = %v", end, pending)
		}
		a.Need(5)
		if err := a.Fill(true, math.MaxInt); err != end {
			t.Errorf("Fill = %v, want %v", err, end)
		}
		if a.Unopened() != nil || a.Empty() {
			t.Errorf("%v: a buffer is held, or the part was lost", end)
		}
		if a.Reads() != 1 {
			t.Errorf("Reads = %d, want 1", a.Reads())
		}
		l.check(t, 4)
		a.Discard()
		l.check(t, 0)
	}
}

func TestArrivalsFail(t *testing.T) {
	broken := errors.New("broken")
	a := arrivals(&script{end: io.EOF}, newLedger(), []byte("x"))
	if a.Fail(nil); a.Pending() {
		t.Error("Pending without an error")
	}
	a.Fail(broken)
	if string(a.Unopened()) != "x" || !a.Pending() {
		t.Errorf("Unopened = %q, Pending = %v", a.Unopened(), a.Pending())
	}
	for range 2 {
		if err := a.Fill(true, 1); err != broken {
			t.Errorf("Fill = %v, want %v", err, broken)
		}
	}
}

// A source that brings nothing and no error is not asked for ever.
func TestArrivalsNoProgress(t *testing.T) {
	l := newLedger()
	src := &script{pieces: make([][]byte, 1000), end: io.EOF}
	a := arrivals(iotest.OneByteReader(src), l, nil)
	if err := a.Fill(true, 1); err != io.ErrNoProgress {
		t.Errorf("Fill = %v, want io.ErrNoProgress", err)
	}
	l.check(t, 0)
}

// What cannot be asked without waiting is not asked.
func TestArrivalsWouldBlock(t *testing.T) {
	l := newLedger()
	for name, src := range map[string]io.Reader{
		"reader": &script{pieces: [][]byte{[]byte("x")}},
		"layer":  steps{&script{pieces: [][]byte{nil}}},
	} {
		if err := arrivals(src, l, nil).Fill(false, 1); err != readiness.ErrWouldBlock {
			t.Errorf("%s: Fill = %v, want ErrWouldBlock", name, err)
		}
	}
	l.check(t, 0)
}

// TestArrivalsFromSockets reads a stream that comes byte by byte, and all at
// once, and holds nothing but a part while there is nothing.
func TestArrivalsFromSockets(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, wait := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/wait=%v", network, wait), func(t *testing.T) {
				peer, conn := faultconn.Sockets(t, network)
				sock := socket(t, conn)
				l := newLedger()
				a := arrivals(conn, l, nil)
				data := random(3, 100_000)
				held := 0
				for _, n := range []int{1, 2, 1000, 20_000, 78_997} {
					a.Need(held + 1)
					a.Need(held + 1)
					if err := a.Fill(false, 1); err != readiness.ErrWouldBlock {
						t.Fatalf("Fill of nothing = %v", err)
					}
					l.check(t, held)
					written := make(chan error, 1)
					go func() {
						_, err := peer.Write(data[held : held+n])
						written <- err
					}()
					for len(a.Unopened()) < held+n {
						a.Need(held + n)
						err := a.Fill(wait, math.MaxInt)
						if err == readiness.ErrWouldBlock && !wait {
							err = sock.Wait()
						}
						if err != nil {
							t.Fatal(err)
						}
					}
					if err := <-written; err != nil {
						t.Fatal(err)
					}
					held += n
					if !bytes.Equal(a.Unopened(), data[:held]) {
						t.Fatalf("after %d bytes: others than were sent", held)
					}
				}
				a.Skip(held)
				peer.Close()
				if err := a.Fill(true, 1); err != io.EOF {
					t.Errorf("Fill at the end = %v", err)
				}
				l.check(t, 0)
			})
		}
	}
}

// A read that waits and is told to stop loses nothing.
func TestArrivalsDeadline(t *testing.T) {
	for name, hide := range map[string]bool{"socket": false, "other": true} {
		peer, conn := faultconn.Sockets(t, "tcp")
		l := newLedger()
		var src io.Reader = conn
		if hide {
			src = opaque{conn}
		}
		a := arrivals(src, l, []byte("part"))
		_ = conn.SetReadDeadline(gone)
		for range 2 {
			a.Need(9)
			if err := a.Fill(true, math.MaxInt); !errors.Is(err, timeout) {
				t.Fatalf("%s: Fill = %v, want a missed deadline", name, err)
			}
			l.check(t, 4)
		}
		_ = conn.SetReadDeadline(gone.AddDate(1000, 0, 0))
		if _, err := peer.Write([]byte(" rest")); err != nil {
			t.Fatal(err)
		}
		if err := a.Fill(true, math.MaxInt); err != nil || string(a.Unopened()) != "part rest" {
			t.Errorf("%s: Fill = %v, %q", name, err, a.Unopened())
		}
		a.Discard()
		l.check(t, 0)
	}
}
