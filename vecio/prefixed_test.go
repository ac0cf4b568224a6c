package vecio_test

import (
	"bytes"
	"io"
	"net"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/headrace-go/headrace/vecio"
)

func TestPrefixedIsANetConn(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		l := socketLeg(t, "tcp")
		c := vecio.Prefixed(l.inner, []byte("x"))
		if _, err := c.Read(make([]byte, 1)); err != nil {
			return nil, nil, nil, err
		}
		return c, l.outer, func() { l.outer.Close(); c.Close() }, nil
	})
}

// TestPrefixedRelay: the prefix comes first, then the stream, and a bulk flow
// gets to the fast path all the same.
func TestPrefixedRelay(t *testing.T) {
	eachPair(t, func(t *testing.T, a, b leg, cfg vecio.RelayConfig) {
		prefix, data := random(40<<10, 5), random(4<<20, 6)
		a.inner = vecio.Prefixed(a.inner, bytes.Clone(prefix))
		done := start(t, t.Context(), a, b, cfg)
		go send(a.outer, data)
		got, err := io.ReadAll(b.outer)
		if err != nil || !bytes.Equal(got, append(prefix, data...)) {
			t.Fatalf("b got %d bytes, %v, want %d", len(got), err, len(prefix)+len(data))
		}
		b.outer.Close()
		if r := <-done; r.err != nil {
			t.Fatal(r.err)
		}
	})
}

func TestPrefixedIsTransparentOnceEmpty(t *testing.T) {
	l := socketLeg(t, "tcp")
	if c := vecio.Prefixed(l.inner, nil); c != l.inner {
		t.Error("nothing in front, and yet a wrapper")
	}
	c := vecio.Prefixed(l.inner, []byte("abc"))
	tc := c.(interface {
		TransparentConn() (net.Conn, func(read, written int64))
	})
	buf := make([]byte, 2)
	for _, want := range []string{"ab", "c"} {
		if inner, _ := tc.TransparentConn(); inner != nil {
			t.Fatalf("transparent in front of %q", want)
		}
		if n, err := c.Read(buf); string(buf[:n]) != want || err != nil {
			t.Fatalf("Read = %q, %v, want %q", buf[:n], err, want)
		}
	}
	if inner, _ := tc.TransparentConn(); inner != l.inner {
		t.Fatal("not transparent though empty")
	}
}
