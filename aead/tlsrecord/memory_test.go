package tlsrecord_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/liveheap"
	"github.com/headrace-go/headrace/internal/slab"
)

// discard is a destination that io.Copy cannot see through.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// Once warm, no method allocates, in either direction.
func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops one Put in four under the race detector")
	}
	needsSockets(t)
	const size = 100 << 10
	cc, sc := configs()
	c, s := connect(t, ourClient, ourServer, cc, sc)
	client, server := c.(*tlsrecord.Conn), s.(*tlsrecord.Conn)
	p := make([]byte, size)
	got := make([]byte, size)
	two := [][]byte{p[:size/2], p[size/2:]}
	src := new(faultconn.Burst)
	read := func() {
		if _, err := io.ReadFull(server, got); err != nil {
			t.Fatal(err)
		}
	}
	step := func() {
		for moved := int64(0); moved < size; {
			n, err := server.Step(discard{}, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			moved += n
		}
	}
	for _, write := range []struct {
		name string
		call func() error
	}{
		{"Write", func() error { _, err := client.Write(p); return err }},
		{"Writev", func() error { _, err := client.Writev(two); return err }},
		{"ReadFrom", func() error { src.Left = size; _, err := client.ReadFrom(src); return err }},
		{"small Write", func() error {
			client.Cork()
			for range size / 1024 {
				if _, err := client.Write(p[:1024]); err != nil {
					return err
				}
			}
			return client.Uncork()
		}},
	} {
		for _, reading := range []struct {
			name string
			call func()
		}{{"Read", read}, {"Step", step}} {
			if n := testing.AllocsPerRun(50, func() {
				if err := write.call(); err != nil {
					t.Fatal(err)
				}
				reading.call()
			}); n > 0 {
				t.Errorf("%s and %s allocate %v times", write.name, reading.name, n)
			}
		}
	}
}

// An idle connection that was trimmed holds at most three quarters of what one
// by crypto/tls holds, on the heap. It is measured in a program of its own, in
// which nothing else is on its way to the collector.
func TestIdleEndMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has memory of its own")
	}
	rerun(t, "TestIdleEndMemoryAlone")
}

func TestIdleEndMemoryAlone(t *testing.T) {
	inEnvironment(t)
	const conns = 100
	measure := func(client, server maker, sessions bool) int64 {
		pair := func() (c, s conn) {
			cc, sc := configs()
			if sessions {
				cc.ClientSessionCache = newCountingCache()
			}
			c, s = connect(t, client, server, cc, sc)
			bothWays(t, c, s, 1000)
			for _, end := range []conn{c, s} {
				if end, ok := end.(*tlsrecord.Conn); ok {
					end.Trim()
				}
			}
			return c, s
		}
		for range 3 {
			pair() // warms what all connections share
		}
		// Buffers that wait for whoever comes next are no connection's.
		held := func() int64 { slab.Default().Trim(); return liveheap.Bytes() }
		before := held()
		ends := make([]conn, 0, 2*conns)
		for range conns {
			c, s := pair()
			ends = append(ends, c, s)
		}
		size := (held() - before) / int64(len(ends))
		runtime.KeepAlive(ends)
		return size
	}
	for _, sessions := range []bool{false, true} {
		std := measure(stdClient, stdServer, sessions)
		ours := measure(ourClient, ourServer, sessions)
		t.Logf("sessions %v: %d bytes for an end, crypto/tls %d: %.2f", sessions, ours, std, float64(ours)/float64(std))
		if ours*4 > std*3 {
			t.Errorf("an idle end holds %d bytes, crypto/tls's %d", ours, std)
		}
	}
}

// TestIdlePinsNoBuffer: after bytes went both ways, connections point to no
// buffer that they gave back. The collector could not take it.
func TestIdlePinsNoBuffer(t *testing.T) {
	needsSockets(t)
	memory := slab.New(slab.Config{})
	cfg := tlsrecord.Config{Pool: memory}
	var ends []conn
	for i := range 30 {
		cc, sc := configs()
		c, s := connect(t, withClient(cfg), withServer(cfg), cc, sc)
		bothWays(t, c, s, 1000*i)
		ends = append(ends, c, s)
	}
	if n := liveheap.Pinned(memory); n != 0 {
		t.Errorf("%d idle connections keep %d buffers from the collector", len(ends), n)
	}
	runtime.KeepAlive(ends)
}

// A connection that waits holds no buffer.
func TestIdleHoldsNoBuffer(t *testing.T) {
	needsSockets(t)
	c, f, peer, memory := bareOverTCP(t)
	read := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(c, make([]byte, 100_000))
		read <- err
	}()
	for range 100 {
		if _, err := peer.Write(f.Seal(typeApplication, bytes.Repeat([]byte{1}, 1000))); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	if n := lent(memory); n != 0 {
		t.Fatalf("%d buffers are held after the last byte", n)
	}
	go func() {
		_, err := c.Read(make([]byte, 1))
		read <- err
	}()
	// A Read takes a buffer to see whether there is something, for a moment.
	await.Until(t, "a Read that waits holds no buffer", func() bool { return lent(memory) == 0 })
	c.Abort()
	<-read
}
