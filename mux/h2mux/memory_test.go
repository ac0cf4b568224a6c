package h2mux_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/invariants"
	"github.com/headrace-go/headrace/internal/liveheap"
	"github.com/headrace-go/headrace/internal/slab"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// What an idle session and an idle stream keep alive, on one side, after bytes
// have gone both ways: the heap of a session without its connection, its
// goroutines' stacks, and a stream with its request.
const (
	sessionHeap  = 16 << 10
	sessionStack = 2 * 8 << 10
	streamHeap   = 1 << 10
)

// TestIdleMemory holds idle sessions and streams to that.
func TestIdleMemory(t *testing.T) {
	if raceEnabled || invariants.Enabled {
		t.Skip("pools drop what they are given, or books are kept, in this build")
	}
	const n, streams = 50, 1000
	before := usage()
	clients, servers := make([]*h2mux.Session, n), make([]*h2mux.Session, n)
	conns := make([]net.Conn, 0, 2*n)
	for i := range n {
		a, b := faultconn.Sockets(t, "tcp")
		conns = append(conns, a, b)
		clients[i], servers[i] = sessions(t, a, b, h2mux.Config{})
	}
	var kept []*h2mux.Stream
	open := func(i int) {
		st, err := clients[i].OpenRequest(context.Background(), h2mux.Request{Authority: "example.com:443"})
		if err != nil {
			t.Fatal(err)
		}
		far := greet(t, st, servers[i])
		kept = append(kept, st, far)
	}
	for i := range n {
		open(i)
	}
	sessions := usage()
	heap, stack := (sessions.heap-before.heap)/(2*n), (sessions.stack-before.stack)/(2*n)
	t.Logf("a session with one stream: %d bytes of heap, %d of stack", heap, stack)
	if heap > sessionHeap || stack > sessionStack {
		t.Errorf("a session has %d bytes of heap and %d of stack, want %d and %d at most", heap, stack, sessionHeap, sessionStack)
	}
	for i := range streams {
		open(i % n)
	}
	heap = (usage().heap - sessions.heap) / (2 * streams)
	t.Logf("a stream: %d bytes of heap", heap)
	if heap > streamHeap {
		t.Errorf("a stream has %d bytes of heap, want %d at most", heap, streamHeap)
	}
	for i := range n {
		if !clients[i].Idle() || !servers[i].Idle() {
			t.Errorf("session %d holds a buffer", i)
		}
	}
	runtime.KeepAlive(kept)
	runtime.KeepAlive(conns)
}

// TestIdlePinsNoBuffer: after bytes went both ways, sessions and streams point to
// no buffer that they gave back. The collector could not take it.
func TestIdlePinsNoBuffer(t *testing.T) {
	memory := slab.New(slab.Config{})
	var kept []any
	for range 10 {
		a, b := faultconn.Sockets(t, "tcp")
		client, server := sessions(t, a, b, h2mux.Config{Pool: memory})
		kept = append(kept, client, server)
		for range 10 {
			st, err := client.OpenRequest(context.Background(), h2mux.Request{Authority: "example.com:443"})
			if err != nil {
				t.Fatal(err)
			}
			kept = append(kept, st, greet(t, st, server))
		}
	}
	await.Until(t, "no buffer is pinned", func() bool { return liveheap.Pinned(memory) == 0 })
	runtime.KeepAlive(kept)
}

// greet sends a byte and 100 KB there, and as much back.
func greet(t *testing.T, st *h2mux.Stream, server *h2mux.Session) (far *h2mux.Stream) {
	t.Helper()
	if _, err := st.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	far, err := server.AcceptStream(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []struct{ from, to *h2mux.Stream }{{st, far}, {far, st}} {
		done := make(chan error, 1)
		go func() {
			_, err := way.from.Write(make([]byte, 100_000))
			done <- err
		}()
		n := int64(100_000)
		if way.to == far {
			n++
		}
		if _, err := io.CopyN(io.Discard, way.to, n); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	return far
}

type memory struct{ heap, stack int }

// usage returns what is in use after three collections, the first two of which
// empty the pools.
func usage() memory {
	m := liveheap.Stats()
	return memory{int(m.HeapAlloc), int(m.StackInuse)}
}
