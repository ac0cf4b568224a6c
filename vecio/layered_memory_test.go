package vecio_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/internal/liveheap"
	"github.com/headrace-go/headrace/internal/slab"
	"github.com/headrace-go/headrace/vecio"
)

// TestLayeredIdleHoldsNothing: after bulk both ways, over a socket.
func TestLayeredIdleHoldsNothing(t *testing.T) {
	var pool ledger
	pooled := func(raw net.Conn, wrap func(net.Conn) *tls.Conn) *tlsEnd {
		under := vecio.Coalesce(raw, vecio.CoalesceConfig{Pool: &pool})
		top := wrap(under)
		return &tlsEnd{Conn: vecio.Layered(top, under), top: top, under: under, raw: raw}
	}
	c, peer := tcpPair(t, pooled, bareEnd, tls.VersionTLS13)
	s := c.Conn.(vecio.Stepper)
	chunk := random(1<<20, 1)
	go peer.Write(chunk)
	var got bytes.Buffer
	stepUntil(t, s, &got, len(chunk))
	go c.Conn.(io.ReaderFrom).ReadFrom(bytes.NewReader(chunk))
	if _, err := io.ReadFull(peer, make([]byte, len(chunk))); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Step(&got, 1<<20); n != 0 || err != nil || !isDry(t, s, c.raw) {
		t.Fatalf("Step of nothing = %d, %v", n, err)
	}
	await.Until(t, "ReadFrom has returned all", func() bool { return pool.bytes() == 0 })
	if pool.most == 0 {
		t.Error("the pool was never used")
	}
}

// TestLayeredPinsNoBuffer: nor do they point to what they gave back.
func TestLayeredPinsNoBuffer(t *testing.T) {
	memory := slab.New(slab.Config{})
	pooled := func(raw net.Conn, wrap func(net.Conn) *tls.Conn) *tlsEnd {
		under := vecio.Coalesce(raw, vecio.CoalesceConfig{Pool: memory})
		top := wrap(under)
		return &tlsEnd{Conn: vecio.Layered(top, under), top: top, under: under, raw: raw}
	}
	var ends []*tlsEnd
	for i := range 10 {
		c, peer := tcpPair(t, pooled, pooled, tls.VersionTLS13)
		ends = append(ends, c, peer)
		chunk := random(10_000*(i+1), 1)
		for _, way := range [][2]*tlsEnd{{c, peer}, {peer, c}} {
			go way[0].Conn.Write(chunk)
			if _, err := io.ReadFull(way[1].Conn, make([]byte, len(chunk))); err != nil {
				t.Fatal(err)
			}
		}
	}
	await.Until(t, "no buffer is pinned", func() bool { return liveheap.Pinned(memory) == 0 })
	runtime.KeepAlive(ends)
}

// TestTicketHoldsLittle: who does not read after a handshake holds the ticket
// that came with it, and no buffer for more.
func TestTicketHoldsLittle(t *testing.T) {
	var pool ledger
	pooled := func(raw net.Conn, wrap func(net.Conn) *tls.Conn) *tlsEnd {
		under := vecio.Coalesce(raw, vecio.CoalesceConfig{Pool: &pool})
		top := wrap(under)
		return &tlsEnd{Conn: vecio.Layered(top, under), top: top, under: under, raw: raw}
	}
	c, _ := tcpPair(t, pooled, bareEnd, tls.VersionTLS13)
	if n := pool.bytes(); n > 1<<10 {
		t.Errorf("%d bytes are lent behind a handshake", n)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if n := pool.bytes(); n != 0 {
		t.Errorf("%d bytes are lent after Close", n)
	}
}

func TestLayeredAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops Puts under the race detector")
	}
	perRun := func(maker endMaker) float64 {
		c, peer := tcpPair(t, maker, bareEnd, tls.VersionTLS13)
		chunk, buf := make([]byte, 64<<10), make([]byte, 64<<10)
		return testing.AllocsPerRun(200, func() {
			c.Write(chunk)
			if _, err := io.ReadFull(peer, buf); err != nil {
				t.Fatal(err)
			}
		})
	}
	if std, ours := perRun(bareEnd), perRun(layeredEnd); ours > std {
		t.Errorf("%v allocations for 64 KiB, %v without us", ours, std)
	}

	c, peer := tcpPair(t, layeredEnd, bareEnd, tls.VersionTLS13)
	s := c.Conn.(vecio.Stepper)
	msg, sink := make([]byte, 1000), writerFunc(func(p []byte) (int, error) { return len(p), nil })
	n := testing.AllocsPerRun(200, func() {
		peer.Write(msg)
		for left := int64(len(msg)); left > 0; {
			n, err := s.Step(sink, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			left -= n
		}
	})
	if n > 2 { // crypto/tls: one for the record, and one for finding that there is no other
		t.Errorf("%v allocations for a record stepped", n)
	}
}
