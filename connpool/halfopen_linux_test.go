package connpool_test

import (
	"context"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace-go/headrace/connpool"
)

// deafen makes a socket drop whatever reaches it, unanswered: to its peer, it
// has vanished.
func deafen(t *testing.T, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}
	if cerr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop})
	}); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
}

// TestVanishedPeer: packets are dropped, so that no end ever arrives. The probes
// of SocketOptions find that out, and the watcher evicts the connection: nobody
// is given it.
func TestVanishedPeer(t *testing.T) {
	accepted := make(chan *net.TCPConn, 2)
	address := serve(t, func(_ int, c *net.TCPConn) { accepted <- c })
	d := &connpool.Dialer{Socket: connpool.SocketOptions{
		KeepAliveIdle: time.Second, KeepAliveInterval: time.Second, KeepAliveCount: 1,
	}}
	evicted := make(chan connpool.Cause, 2)
	p := newPool(t, connpool.Config[string]{
		Dial:    func(ctx context.Context, _ string) (net.Conn, error) { return d.DialContext(ctx, "tcp", address) },
		OnEvict: func(_ string, _ net.Conn, cause connpool.Cause, _ error) { evicted <- cause },
	})
	idle, lent := get(t, p, "k"), get(t, p, "k")
	for range 2 {
		deafen(t, <-accepted)
	}
	put(t, idle)
	if cause := <-evicted; cause != connpool.CausePeerClosed {
		t.Errorf("evicted for %v", cause)
	}
	if _, err := lent.Read(make([]byte, 1)); err == nil {
		t.Error("a read from a peer that has vanished succeeded")
	}
	if lent.Put() == nil {
		t.Error("a connection whose read has failed was taken back")
	}
	if s := p.Stats(); s.Idle != 0 || s.Open != 0 {
		t.Errorf("%+v", s)
	}
}
