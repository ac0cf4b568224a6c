package burst_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/readiness"
)

// A toy is a layer with records of two bytes of length and a payload. The
// record with 0xFFFF ends it.
type toy struct {
	burst.Delivery
	err    error
	closed bool
}

var errTorn = errors.New("torn")

func newToy(src io.Reader, l *ledger, received []byte) *toy {
	y := new(toy)
	y.Init(src, l, growth.New(l, l, 0), floor, received)
	return y
}

func (y *toy) next() ([]byte, bool) {
	b := y.Unopened()
	if len(b) < 2 {
		y.Need(2)
		return nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if n == 0xFFFF {
		y.err = io.EOF
		return nil, false
	}
	if len(b) < 2+n {
		y.Need(2 + n)
		return nil, false
	}
	y.Skip(2 + n)
	return b[2 : 2+n], true
}

func (y *toy) Gather(g *burst.Payloads, most int64, join int) error {
	for g.Size < most && !g.Full() && y.err == nil {
		payload, ok := y.next()
		if !ok {
			break
		}
		if len(payload) > 0 {
			g.Add(payload, join)
		}
	}
	return y.err
}

func (y *toy) Fill(wait bool, limit int) error {
	if y.err != nil {
		return y.err
	}
	err := y.Delivery.Fill(wait, limit)
	if err != nil && err != readiness.ErrWouldBlock && !errors.Is(err, timeout) {
		if err == io.EOF && !y.Empty() {
			err = errTorn
		}
		y.err = err
	}
	return err
}

// more reports whether a whole record is left.
func (y *toy) more() bool {
	b := y.Unopened()
	if y.err != nil || len(b) < 2 {
		return y.err != nil
	}
	n := int(binary.BigEndian.Uint16(b))
	return n == 0xFFFF || len(b) >= 2+n
}

func (y *toy) tidy() bool { return y.Tidy(y.closed, y.err != nil) }

// wire frames payloads, each as long as the next of lengths.
func wire(data []byte, lengths ...int) []byte {
	var out []byte
	for i := 0; len(data) > 0; i++ {
		n := min(lengths[i%len(lengths)], len(data))
		out = binary.BigEndian.AppendUint16(out, uint16(n))
		out = append(out, data[:n]...)
		data = data[n:]
	}
	return out
}

// TestDeliveryModel compares what arrives with what was framed: sources that
// bring pieces, destinations that take pieces and fail, both ways of handing on,
// whatever the budget has.
func TestDeliveryModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lengths []int
		for range rapid.IntRange(1, 5).Draw(t, "kinds") {
			lengths = append(lengths, rapid.SampledFrom([]int{1, 2, 100, 1350, 5000, 16_384, 65_000}).Draw(t, "length"))
		}
		total := rapid.SampledFrom([]int{10, 3000, 100_000, 300_000}).Draw(t, "total")
		if min(lengths[0], lengths[len(lengths)-1]) < 100 {
			total = min(total, 20_000)
		}
		want := random(1, total)
		all := wire(want, lengths...)
		src := &script{end: io.EOF}
		for left := all; len(left) > 0; {
			n := min(len(left), rapid.SampledFrom([]int{7, 1448, 20_000, 300_000}).Draw(t, "piece"))
			src.pieces, left = append(src.pieces, left[:n]), left[n:]
		}
		l := newLedger()
		y := newToy(steps{src}, l, nil)
		var got []byte
		for {
			l.limit = rapid.SampledFrom([]int{0, 30_000, 1 << 30}).Draw(t, "budget")
			q := &quitter{room: rapid.SampledFrom([]int{0, 1, 2000, 50_000, 1 << 30}).Draw(t, "room"), err: errors.New("full")}
			var dst io.Writer = q
			if rapid.Bool().Draw(t, "gathers") {
				dst = gathering{q}
			}
			most := rapid.SampledFrom([]int{1, 3000, 1 << 20}).Draw(t, "most")
			n, err := y.Step(dst, most, y)
			if int(n) != q.Len() {
				t.Fatalf("Step = %d, the destination has %d", n, q.Len())
			}
			got = append(got, q.Bytes()...)
			over := y.tidy()
			if rapid.Bool().Draw(t, "wakeup") {
				woken := false
				y.Wakeup(y.more()).Arrange(nil, func() { woken = true })
				if !woken {
					t.Fatal("not woken")
				}
			}
			if err == io.EOF {
				if !over {
					t.Fatal("the stream is not over behind its end")
				}
				break
			}
			if err != nil && err != q.err {
				t.Fatalf("Step: %v", err)
			}
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes arrived, or others than the %d that were sent", len(got), len(want))
		}
		l.check(t, 0)
	})
}

// Whatever happens to the source, at whichever byte: what is handed on is a
// beginning, missed deadlines cost nothing, all else is an error, and all memory
// goes back.
func TestDeliveryFaultsAtEveryByte(t *testing.T) {
	want := random(2, 120)
	all := wire(want, 50, 1, 30)
	for _, kind := range []faultconn.Kind{faultconn.Timeout, faultconn.End, faultconn.Reset} {
		for _, pieces := range []int{0, 1, 7} {
			for at := range len(all) + 1 {
				l := newLedger()
				a, b := faultconn.Pair(0)
				c := faultconn.Wrap(b, faultconn.Plan{Read: faultconn.Script{
					MaxBytes: pieces,
					Faults:   []faultconn.Fault{{After: int64(at), Kind: kind}, {After: int64(at), Kind: kind}},
				}})
				if _, err := a.Write(all); err != nil {
					t.Fatal(err)
				}
				_ = a.CloseWrite()
				y := newToy(c, l, nil)
				var got bytes.Buffer
				_, err := y.WriteTo(&got, y)
				for errors.Is(err, timeout) {
					y.tidy()
					_, err = y.WriteTo(&got, y)
				}
				y.tidy()
				l.check(t, 0)
				lost := got.Len() < len(want)
				switch {
				case !bytes.HasPrefix(want, got.Bytes()),
					kind == faultconn.Timeout && (lost || err != nil),
					kind == faultconn.Reset && !errors.Is(err, syscall.ECONNRESET),
					kind == faultconn.End && err != nil && err != errTorn,
					kind == faultconn.End && lost && err == nil && len(wire(want[:got.Len()], 50, 1, 30)) != at:
					t.Fatalf("%v at %d in pieces of %d: %d of %d bytes, %v", kind, at, pieces, got.Len(), len(want), err)
				}
				a.Close()
				c.Close()
			}
		}
	}
}

// Step reads more than once in search of a payload, but not for ever: a peer may
// send nothing but records without one.
func TestStepGivesUp(t *testing.T) {
	empty := make([]byte, 2)
	src := &script{end: io.EOF}
	for range 100 {
		src.pieces = append(src.pieces, empty)
	}
	l := newLedger()
	y := newToy(steps{src}, l, nil)
	if n, err := y.Step(io.Discard, 1, y); n != 0 || err != nil {
		t.Errorf("Step = %d, %v, want nothing", n, err)
	}
	if left := len(src.pieces); left == 0 || left == 100 {
		t.Errorf("%d of 100 pieces are left", left)
	}
	l.check(t, 0)
}

// A Step of no bytes reads nothing.
func TestStepOfNothing(t *testing.T) {
	y := newToy(steps{&script{end: io.EOF}}, newLedger(), nil)
	if n, err := y.Step(io.Discard, 0, y); n != 0 || err != nil {
		t.Errorf("Step = %d, %v", n, err)
	}
}

// Tidy keeps what is not handed on, unless the owner has closed the stream.
func TestTidy(t *testing.T) {
	for _, closed := range []bool{false, true} {
		l := newLedger()
		y := newToy(&script{end: io.EOF}, l, append(wire([]byte("data"), 4), 0xFF, 0xFF))
		q := &quitter{room: 1, err: errors.New("full")}
		if n, err := y.WriteTo(q, y); n != 1 || err != q.err {
			t.Fatalf("WriteTo = %d, %v", n, err)
		}
		y.err = io.EOF
		if y.closed = closed; y.tidy() != closed {
			t.Errorf("closed %v: over = %v", closed, !closed)
		}
		if !closed {
			q.room = 3
			if n, err := y.WriteTo(q, y); n != 3 || err != nil || q.String() != "data" {
				t.Errorf("WriteTo = %d, %v, %q in all", n, err, q.String())
			}
			if !y.tidy() {
				t.Error("not over at the end")
			}
		}
		l.check(t, 0)
	}
}

// Who waits is woken by the socket, or by the layer, or at once if there is more
// already; a reader cannot tell.
func TestWakeup(t *testing.T) {
	_, conn := faultconn.Sockets(t, "tcp")
	sock := socket(t, conn)
	for name, tt := range map[string]struct {
		src             io.Reader
		rest            string
		pending         error
		more            bool
		woken, arranged bool
		watched         bool
	}{
		"socket":  {src: conn, arranged: true, watched: true},
		"wrapper": {src: transparent{conn}, arranged: true, watched: true},
		"layer":   {src: steps{new(script)}, arranged: true, woken: true},
		"reader":  {src: new(script)},
		"rest":    {src: new(script), rest: "x", arranged: true, woken: true},
		"error":   {src: conn, pending: io.EOF, arranged: true, woken: true},
		"more":    {src: conn, more: true, arranged: true, woken: true},
	} {
		l := newLedger()
		y := newToy(tt.src, l, []byte("part"))
		y.Fail(tt.pending)
		y.Rest = []byte(tt.rest)
		var w watcher
		woken := false
		cancel := y.Wakeup(tt.more).Arrange(&w, func() { woken = true })
		if (cancel != nil) != tt.arranged || woken != tt.woken || (w.conn != nil) != tt.watched {
			t.Errorf("%s: arranged %v, woken %v, watches %v", name, cancel != nil, woken, w.conn)
		}
		if tt.watched && w.conn != sock.Conn() {
			t.Errorf("%s: watches %v", name, w.conn)
		}
		if !tt.woken || name == "layer" {
			if y.Unopened() != nil {
				t.Errorf("%s: holds a buffer", name)
			}
			l.check(t, 4)
		}
		y.Discard()
		l.check(t, 0)
	}
}

// transparent is a wrapper that says so.
type transparent struct{ net.Conn }

func (c transparent) TransparentConn() (net.Conn, func(read, written int64)) { return c.Conn, nil }
