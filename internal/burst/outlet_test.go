package burst_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/faultconn"
)

// A quitter takes room bytes, a call at most piece of them. Then it fails with
// err, or is short without one.
type quitter struct {
	bytes.Buffer
	room int
	err  error
}

func (q *quitter) Write(p []byte) (int, error) {
	if n := min(len(p), q.room); n < len(p) {
		q.Buffer.Write(p[:n])
		q.room = 0
		return n, q.err
	}
	q.room -= len(p)
	return q.Buffer.Write(p)
}

// gathering is a quitter with Writev.
type gathering struct{ *quitter }

func (g gathering) Writev(bufs [][]byte) (int64, error) {
	var total int64
	for _, b := range bufs {
		n, err := g.Write(b)
		total += int64(n)
		if err != nil || n < len(b) {
			return total, err
		}
	}
	return total, nil
}

// sentence returns three payloads in one buffer.
func sentence() (g *burst.Payloads, all []byte) {
	buf := []byte("one,two,,three")
	g = burst.Gather()
	g.Add(buf[0:3], 0)
	g.Add(buf[4:7], 0)
	g.Add(buf[9:14], 0)
	return g, []byte("onetwothree")
}

// A destination that fails at any byte, or takes no more without saying why: the
// count is what it took, and the rest is still there.
func TestRouteFailsAtEveryByte(t *testing.T) {
	full := errors.New("full")
	for _, gathers := range []bool{false, true} {
		for _, quit := range []error{full, nil} {
			for room := range len("onetwothree") + 1 {
				g, all := sentence()
				q := &quitter{room: room, err: quit}
				var dst io.Writer = q
				if gathers {
					dst = gathering{q}
				}
				var o burst.Outlet
				n, err := o.To(dst).Write(g)
				want := quit
				switch {
				case room == len(all):
					want = nil
				case quit == nil:
					want = io.ErrShortWrite
				}
				if n != int64(room) || err != want {
					t.Fatalf("gathers %v, room %d: Write = %d, %v, want %v", gathers, room, n, err, want)
				}
				if got := append(q.Bytes(), g.From(n)...); !bytes.Equal(got, all) {
					t.Fatalf("gathers %v, room %d: %q", gathers, room, got)
				}
				g.Free()
			}
		}
	}
}

// How far payloads are moved together depends on what a write takes.
func TestRouteJoin(t *testing.T) {
	_, tcp := faultconn.Sockets(t, "tcp")
	socket(t, tcp)
	const gathered, single = 2 << 10, 16 << 10
	for name, tt := range map[string]struct {
		dst  io.Writer
		want int
	}{
		"socket":            {tcp, gathered},
		"Writev":            {gathering{new(quitter)}, gathered},
		"writer":            {new(quitter), single},
		"opaque":            {&opaque{tcp}, single},
		"not comparable":    {incomparable{Conn: tcp}, single},
		"struct, of a conn": {opaque{tcp}, single},
	} {
		var o burst.Outlet
		if got := o.To(tt.dst).Join(); got != tt.want {
			t.Errorf("%s: Join = %d, want %d", name, got, tt.want)
		}
	}
}

// incomparable is a connection that == panics on.
type incomparable struct {
	net.Conn
	_ []byte
}

// An Outlet goes from one destination to the next.
func TestOutletChanges(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		a1, b1 := faultconn.Sockets(t, network)
		a2, b2 := faultconn.Sockets(t, network)
		var q quitter
		q.room = 1 << 20
		var o burst.Outlet
		for _, dst := range []io.Writer{a1, a2, &q, a2, a1, a1} {
			g, all := sentence()
			if n, err := o.To(dst).Write(g); n != int64(len(all)) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
			g.Free()
		}
		for i, c := range []net.Conn{a1, a2} {
			if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			want := bytes.Repeat([]byte("onetwothree"), 3-i)
			if got, err := io.ReadAll([]net.Conn{b1, b2}[i]); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: destination %d got %q, %v", network, i, got, err)
			}
		}
		if q.String() != "onetwothree" {
			t.Errorf("the writer between got %q", q.String())
		}
	}
}
