package burst_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/growth"
)

// A copier is a layer that takes what is read out of the slots again.
type copier struct {
	layout  burst.Slots
	win     *growth.Window
	got     []byte
	bursts  int
	stop    error // of Slots, after so many bursts
	after   int
	sealErr error // of Seal
}

func (c *copier) Slots(size int) (burst.Slots, error) {
	s := c.layout
	s.Len = min(size, burst.GatherMax*(s.Per+s.Gap)) + s.First + s.Tail
	if c.bursts == c.after {
		return s, c.stop
	}
	return s, nil
}

func (c *copier) Seal(s burst.Slots, n int) (int64, error) {
	defer c.win.Put(s.Buf)
	c.bursts++
	if c.sealErr != nil {
		return 0, c.sealErr
	}
	total := int64(n)
	for at := s.First; n > 0; at += s.Per + s.Gap {
		k := min(n, s.Per)
		if at+k > len(s.Buf)-s.Tail {
			return 0, errors.New("a payload in the tail")
		}
		c.got = append(c.got, s.Buf[at:at+k]...)
		n -= k
	}
	return total, nil
}

func newCopier(l *ledger, per int) *copier {
	win := growth.New(l, l, 0)
	return &copier{layout: burst.Slots{First: 7, Per: per, Gap: 20, Tail: 3}, win: &win, after: -1}
}

// TestInletModel compares what arrives in slots with what the source had,
// whatever their layout, and the source, and the budget.
func TestInletModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := random(1, rapid.SampledFrom([]int{0, 1, 5000, 700_000}).Draw(t, "total"))
		src := &script{end: io.EOF, early: rapid.Bool().Draw(t, "early")}
		for left := want; len(left) > 0; {
			n := min(len(left), rapid.SampledFrom([]int{0, 40, 5000, 100_000}).Draw(t, "piece"))
			src.pieces, left = append(src.pieces, left[:n]), left[n:]
		}
		var in io.Reader = src
		if rapid.Bool().Draw(t, "readv") {
			in = scatter{src}
		}
		l := newLedger()
		l.limit = rapid.SampledFrom([]int{0, 20_000, 1 << 30}).Draw(t, "budget")
		c := newCopier(l, rapid.SampledFrom([]int{30, 1000, 4096, 16_364, 65_000}).Draw(t, "per"))
		inlet := burst.InletOf(in)
		n, err := inlet.Copy(c.win, c)
		if int(n) != len(want) || err != nil || !bytes.Equal(c.got, want) {
			t.Fatalf("Copy = %d, %v; %d of %d bytes, or others", n, err, len(c.got), len(want))
		}
		l.check(t, 0)
	})
}

// TestInletFromSockets is the same, from what can be waited for without a
// buffer.
func TestInletFromSockets(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		a, b := faultconn.Sockets(t, network)
		want := random(2, 8<<20)
		written := make(chan error, 1)
		go func() {
			_, err := a.Write(want)
			written <- errors.Join(err, a.(interface{ CloseWrite() error }).CloseWrite())
		}()
		l := newLedger()
		c := newCopier(l, 16_364)
		inlet := burst.InletOf(b)
		n, err := inlet.Copy(c.win, c)
		if err := errors.Join(err, <-written); int(n) != len(want) || err != nil || !bytes.Equal(c.got, want) {
			t.Errorf("%s: Copy = %d, %v; %d of %d bytes, or others", network, n, err, len(c.got), len(want))
		}
		l.check(t, 0)
	}
}

// While an Inlet waits for a socket it holds no buffer.
func TestInletHoldsNothingWhileItWaits(t *testing.T) {
	_, b := faultconn.Sockets(t, "tcp")
	socket(t, b)
	l := newLedger()
	c := newCopier(l, 16_364)
	_ = b.SetReadDeadline(gone)
	inlet := burst.InletOf(b)
	if n, err := inlet.Copy(c.win, c); n != 0 || !errors.Is(err, timeout) {
		t.Errorf("Copy = %d, %v, want a missed deadline", n, err)
	}
	l.check(t, 0)
}

// A source fails at any byte: all that came before is sealed.
func TestInletFailsAtEveryByte(t *testing.T) {
	broken := errors.New("broken")
	want := random(3, 100)
	for at := range len(want) + 1 {
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"plain":     func(r io.Reader) io.Reader { return r },
			"one byte":  iotest.OneByteReader,
			"data, err": iotest.DataErrReader,
		} {
			l := newLedger()
			c := newCopier(l, 30)
			inlet := burst.InletOf(wrap(&script{pieces: [][]byte{want[:at]}, end: broken}))
			n, err := inlet.Copy(c.win, c)
			if int(n) != at || err != broken || !bytes.Equal(c.got, want[:at]) {
				t.Fatalf("%s, at %d: Copy = %d, %v, %d bytes", name, at, n, err, len(c.got))
			}
			l.check(t, 0)
		}
	}
}

// What the layer cannot do ends the copying.
func TestInletLayerFails(t *testing.T) {
	broken := errors.New("broken")
	source := func() burst.Inlet { return burst.InletOf(&script{pieces: cutEvery(random(4, 100), 10), end: io.EOF}) }
	for after := range 3 {
		l := newLedger()
		c := newCopier(l, 30)
		c.after, c.stop = after, broken
		inlet := source()
		if n, err := inlet.Copy(c.win, c); n != int64(10*after) || err != broken {
			t.Errorf("Slots fails after %d bursts: Copy = %d, %v", after, n, err)
		}
		l.check(t, 0)
	}
	l := newLedger()
	c := newCopier(l, 30)
	c.sealErr = broken
	inlet := source()
	if n, err := inlet.Copy(c.win, c); n != 0 || err != broken {
		t.Errorf("Seal fails: Copy = %d, %v", n, err)
	}
	l.check(t, 0)
}

func cutEvery(b []byte, n int) (pieces [][]byte) {
	for ; len(b) > n; b = b[n:] {
		pieces = append(pieces, b[:n])
	}
	return append(pieces, b)
}

func TestInletNoProgress(t *testing.T) {
	l := newLedger()
	c := newCopier(l, 30)
	inlet := burst.InletOf(&script{pieces: make([][]byte, 1000), end: io.EOF})
	if n, err := inlet.Copy(c.win, c); n != 0 || err != io.ErrNoProgress {
		t.Errorf("Copy = %d, %v, want io.ErrNoProgress", n, err)
	}
	l.check(t, 0)
}

// io.Copy hands a socket on in a disguise, which must be seen through.
func TestIOCopyDisguise(t *testing.T) {
	conn, _ := faultconn.Sockets(t, "tcp")
	var src io.Reader
	dst := struct {
		io.Writer
		readerFrom
	}{io.Discard, func(r io.Reader) (int64, error) { src = r; return 0, nil }}
	if _, err := io.Copy(dst, conn); err != nil {
		t.Fatal(err)
	}
	if got, ok := burst.ConnOf(src); !ok || got != conn {
		t.Errorf("io.Copy passed a %T; found %v in it, want the connection", src, got)
	}
	for _, r := range []io.Reader{bytes.NewReader(nil), struct{ io.Reader }{conn}} {
		if got, ok := burst.ConnOf(r); ok {
			t.Errorf("found %v in a %T", got, r)
		}
	}
	wrapped := struct{ net.Conn }{conn}
	if got, ok := burst.ConnOf(wrapped); !ok || got != net.Conn(wrapped) {
		t.Errorf("found %v in a wrapper, want the wrapper", got)
	}
}

type readerFrom func(io.Reader) (int64, error)

func (f readerFrom) ReadFrom(r io.Reader) (int64, error) { return f(r) }
