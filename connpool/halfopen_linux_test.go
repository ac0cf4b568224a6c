package connpool_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace-go/headrace/connpool"
	"github.com/headrace-go/headrace/internal/peertest"
)

// quickProbes find a peer that has vanished within two seconds.
var quickProbes = connpool.SocketOptions{KeepAliveIdle: time.Second, KeepAliveInterval: time.Second, KeepAliveCount: 1}

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

// TestVanishedPeer: no end ever arrives, since one peer answers nothing any
// more. The probes of SocketOptions find that out, and the watcher evicts the
// connection: nobody is given it.
func TestVanishedPeer(t *testing.T) {
	accepted := make(chan *net.TCPConn, 2)
	address := serve(t, func(_ int, c *net.TCPConn) { accepted <- c })
	d := &connpool.Dialer{Socket: quickProbes}
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

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// cut drops every packet from now on, and tells nobody. mend ends that.
func cut(t *testing.T)  { command(t, "tc", "qdisc", "add", "dev", "lo", "root", "blackhole") }
func mend(t *testing.T) { command(t, "tc", "qdisc", "del", "dev", "lo", "root") }

// TestDroppedPackets: a network drops all packets. What is too short to be
// noticed costs no connection. Later the idle ones are evicted, with nobody
// asking for them; a dial is a black hole that ends in time; and when the network
// is back nothing reminds of it.
func TestDroppedPackets(t *testing.T) {
	if !peertest.Namespace(t) {
		return
	}
	for name, secure := range map[string]bool{"TCP": false, "TLS": true} {
		d, patient := &connpool.Dialer{Socket: quickProbes}, &connpool.Dialer{}
		var address string
		if secure {
			address = echoTLS(t, serverTLS())
			d.TLS, patient.TLS = clientTLS(), clientTLS()
		} else {
			address = serve(t, func(_ int, c *net.TCPConn) { io.Copy(c, c) })
		}
		evicted := make(chan connpool.Cause, 10)
		p := newPool(t, connpool.Config[string]{
			BackoffMin: 1, BackoffMax: 1,
			Dial: func(ctx context.Context, key string) (net.Conn, error) {
				switch key {
				case "patient":
					return patient.DialContext(ctx, "tcp", address)
				case "hole":
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
					defer cancel()
				}
				return d.DialContext(ctx, "tcp", address)
			},
			OnEvict: func(_ string, _ net.Conn, cause connpool.Cause, _ error) { evicted <- cause },
		})
		hold := func(key string) (held [3]*connpool.Conn) {
			for i := range held {
				held[i] = get(t, p, key)
				roundTrip(t, held[i])
			}
			return held
		}

		for _, c := range hold("patient") {
			put(t, c)
		}
		cut(t)
		mend(t)
		hold("patient")
		if s, _ := p.KeyStats("patient"); s.Dials != 3 || s.Hits != 3 {
			t.Errorf("%s: a live connection was lost: %+v", name, s)
		}

		held := hold("k")
		cut(t)
		put(t, held[0])
		put(t, held[1])
		for range 2 {
			if cause := <-evicted; cause != connpool.CausePeerClosed {
				t.Errorf("%s: evicted for %v", name, cause)
			}
		}
		if s, _ := p.KeyStats("k"); s.Idle != 0 || s.Open != 1 {
			t.Errorf("%s: %+v", name, s)
		}
		if _, err := held[2].Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: a read from a peer that cannot be reached succeeded", name)
		}
		if err := held[2].Put(); !errors.Is(err, connpool.ErrSpent) {
			t.Errorf("%s: Put = %v, want ErrSpent", name, err)
		}
		var failed *connpool.DialError
		if _, err := p.Get(t.Context(), "hole"); !errors.As(err, &failed) || !failed.Timeout() {
			t.Errorf("%s: Get = %v, want a timeout", name, err)
		}
		mend(t)
		for _, c := range hold("k") {
			put(t, c)
		}
	}
}
