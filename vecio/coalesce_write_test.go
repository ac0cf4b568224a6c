package vecio_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"testing"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/vecio"
)

// noted is a connection that notes each Write.
type noted struct {
	net.Conn
	sizes []int
}

func (w *noted) Write(p []byte) (int, error) {
	w.sizes = append(w.sizes, len(p))
	return w.Conn.Write(p)
}

func (w *noted) take() []int {
	s := w.sizes
	w.sizes = nil
	return s
}

func TestCoalesceHoldsOnlyWhileCorked(t *testing.T) {
	outer, inner := faultconn.Pair(1 << 20)
	w := &noted{Conn: inner}
	c := vecio.Coalesce(w, vecio.CoalesceConfig{Batch: 32 << 10})
	var sent []byte
	write := func(n int) {
		t.Helper()
		b := random(n, uint64(n))
		sent = append(sent, b...)
		if m, err := c.Write(b); m != n || err != nil {
			t.Fatalf("Write of %d = %d, %v", n, m, err)
		}
	}
	check := func(when string, want ...int) {
		t.Helper()
		if got := w.take(); !slices.Equal(got, want) {
			t.Errorf("%s: writes of %d below, want %d", when, got, want)
		}
	}
	uncork := func() {
		t.Helper()
		if err := c.Uncork(); err != nil {
			t.Fatal(err)
		}
	}
	write(100)
	check("not corked", 100)
	c.Cork()
	write(100)
	write(200)
	check("corked")
	uncork()
	check("uncorked", 300)
	uncorkedAgain := func() { write(1); check("not corked any more", 1) }
	uncorkedAgain()

	c.Cork()
	c.Cork()
	write(10)
	uncork()
	write(10)
	check("corked once of twice")
	uncork()
	check("uncorked twice", 20)

	c.Cork()
	for range 5 {
		write(10 << 10)
	}
	check("a batch of 32 KiB", 32<<10)
	uncork()
	check("the rest", 18<<10)

	c.Cork()
	write(100 << 10)
	check("more than a batch at a time", 100<<10)
	write(1)
	write(100 << 10)
	check("the same behind something", 32<<10, 32<<10, 32<<10)
	uncork()
	check("the rest", 4<<10+1)

	c.Cork()
	uncork()
	check("nothing to hold")

	if n, err := c.Writev([][]byte{{1, 2}, nil, {3}}); n != 3 || err != nil {
		t.Fatalf("Writev = %d, %v", n, err)
	}
	sent = append(sent, 1, 2, 3)
	check("a gathered write", 3)
	c.Cork()
	c.Writev([][]byte{{4}, {5}})
	sent = append(sent, 4, 5)
	check("a gathered write while corked")
	uncork()
	check("the same", 2)

	c.Close()
	if got, err := io.ReadAll(outer); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes arrived, %v, want the %d that were sent", len(got), err, len(sent))
	}
}

func TestCoalesceGathersOnSockets(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	c := vecio.Coalesce(a, vecio.CoalesceConfig{Batch: 32 << 10})
	rec := record(16 << 10)
	c.Cork()
	c.Write(rec)
	if n := c.Stats().Writes; n != 0 {
		t.Errorf("%d writes below after one record of two", n)
	}
	c.Write(rec)
	want := vecio.CoalesceStats{Writes: 1, BytesWritten: int64(2 * len(rec))}
	if got := c.Stats(); got != want {
		t.Errorf("Stats() = %+v, want %+v: one write of the batch that is complete", got, want)
	}
	if err := c.Uncork(); err != nil || c.Stats() != want {
		t.Errorf("Uncork of nothing: %v, %+v", err, c.Stats())
	}
	got := make([]byte, 2*len(rec))
	if _, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, slices.Concat(rec, rec)) {
		t.Errorf("other bytes arrived, %v", err)
	}
}

// TestCloseNotifyLeavesWhileCorked: crypto/tls sends its last alert between two
// deadlines, the second of which is over at once.
func TestCloseNotifyLeavesWhileCorked(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, end := range []func(*tls.Conn) error{(*tls.Conn).CloseWrite, (*tls.Conn).Close} {
			client, server := tcpPair(t, layeredEnd, bareEnd, version)
			client.under.Cork()
			client.top.Write([]byte("held"))
			if err := end(client.top); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(server)
			if string(got) != "held" || err != nil {
				t.Fatalf("read %q, %v, want what was held and a clean end", got, err)
			}
		}
	}
}

// TestCoalesceFailedFlushStays: after bytes that a Write had accepted are lost,
// nothing may follow them.
func TestCoalesceFailedFlushStays(t *testing.T) {
	outer, inner := faultconn.Pair(0)
	c := vecio.Coalesce(faultconn.Wrap(inner, faultconn.Plan{
		Write: faultconn.Script{Faults: []faultconn.Fault{{After: 5, Kind: faultconn.Timeout}}},
	}), vecio.CoalesceConfig{})
	c.Cork()
	if _, err := c.Write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	if err := c.Uncork(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("Uncork: %v, want the timeout", err)
	}
	if n, err := c.Write([]byte("more")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write after it: %d, %v, want the same", n, err)
	}
	c.Cork()
	if err := c.Uncork(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Uncork after it: %v, want the same", err)
	}
	c.Close()
	if got, _ := io.ReadAll(outer); string(got) != "01234" {
		t.Errorf("%q arrived", got)
	}
}
