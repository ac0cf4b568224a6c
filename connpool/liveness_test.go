package connpool_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/headrace-go/headrace/connpool"
	"github.com/headrace-go/headrace/internal/await"
)

// An eviction is what OnEvict was told of.
type eviction struct {
	conn  net.Conn
	cause connpool.Cause
}

// sockets returns a Pool of connections to address, plain or TLS, and what it
// evicts.
func sockets(t *testing.T, address string, cfg connpool.Config[string], secure bool) (*connpool.Pool[string], <-chan eviction) {
	t.Helper()
	evicted := make(chan eviction, 100)
	d := &connpool.Dialer{}
	if secure {
		d.TLS = clientTLS()
		d.Sessions = newSessions(t, connpool.SessionConfig{})
	}
	cfg.Dial = func(ctx context.Context, _ string) (net.Conn, error) { return d.DialContext(ctx, "tcp", address) }
	cfg.OnEvict = func(_ string, c net.Conn, cause connpool.Cause, _ error) { evicted <- eviction{c, cause} }
	return newPool(t, cfg), evicted
}

// conns is what a test's server has accepted, to be ended by the test.
func accepting(t *testing.T, secure bool) (address string, accepted <-chan net.Conn) {
	t.Helper()
	ch := make(chan net.Conn, 100)
	return serve(t, func(_ int, c *net.TCPConn) {
		if !secure {
			ch <- c
			return
		}
		s := tls.Server(c, serverTLS())
		if s.Handshake() == nil {
			ch <- s
		}
	}), ch
}

func tcpOf(c net.Conn) *net.TCPConn {
	if s, ok := c.(*tls.Conn); ok {
		c = s.NetConn()
	}
	return c.(*net.TCPConn)
}

// endings are the ways in which a peer ends an idle connection.
var endings = map[string]func(c net.Conn){
	"end":   func(c net.Conn) { tcpOf(c).CloseWrite() },
	"close": func(c net.Conn) { c.Close() },
	"reset": func(c net.Conn) { tcpOf(c).SetLinger(0); tcpOf(c).Close() },
}

// TestPeerHangsUpOnIdle: the connection is evicted when that happens, and not
// when somebody needs it.
func TestPeerHangsUpOnIdle(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no watcher on this system")
	}
	for _, secure := range []bool{false, true} {
		for name, end := range endings {
			address, accepted := accepting(t, secure)
			p, evicted := sockets(t, address, connpool.Config[string]{}, secure)
			a, b := get(t, p, "k"), get(t, p, "k")
			first := below(a)
			peerA, peerB := <-accepted, <-accepted // in any order
			if peerA.RemoteAddr().String() != a.LocalAddr().String() {
				peerA, peerB = peerB, peerA
			}
			put(t, a)
			end(peerA)
			if e := <-evicted; e.conn != first || e.cause != connpool.CausePeerClosed {
				t.Errorf("%s, TLS %v: evicted for %v", name, secure, e.cause)
			}
			end(peerB) // and on one that is lent: it is evicted when it is put back
			await.Until(t, "the first one is counted no more", func() bool { return p.Stats().Open <= 1 })
			if err := b.Put(); err != nil && !errors.Is(err, connpool.ErrSpent) {
				t.Errorf("%s, TLS %v: Put = %v", name, secure, err)
			}
			if e := <-evicted; e.cause != connpool.CausePeerClosed {
				t.Errorf("%s, TLS %v: a lent one was evicted for %v", name, secure, e.cause)
			}
			if s := p.Stats(); s.Open != 0 || s.Idle != 0 {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
}

// TestNoDeadConnectionIsLent: whatever the watcher has had no time for is found
// by the look before lending.
func TestNoDeadConnectionIsLent(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for name, end := range endings {
			address, accepted := accepting(t, secure)
			p, _ := sockets(t, address, connpool.Config[string]{}, secure)
			for range 50 {
				c := get(t, p, "k")
				old := below(c)
				peer := <-accepted
				put(t, c)
				end(peer)
				// On loopback the end has arrived when the peer's call returns.
				again := get(t, p, "k")
				if below(again) == old {
					t.Fatalf("%s, TLS %v: a dead connection was lent", name, secure)
				}
				again.Discard(nil)
				(<-accepted).Close()
			}
		}
	}
}

// TestCloseNotifyOnIdle: the end of TLS without an end of TCP.
func TestCloseNotifyOnIdle(t *testing.T) {
	address, accepted := accepting(t, true)
	p, evicted := sockets(t, address, connpool.Config[string]{}, true)
	c := get(t, p, "k")
	old := below(c)
	peer := <-accepted
	put(t, c)
	if err := peer.(*tls.Conn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if again := get(t, p, "k"); below(again) == old {
		t.Fatal("a connection whose peer has said close_notify was lent")
	}
	if e := <-evicted; e.conn != old || e.cause != connpool.CausePeerClosed {
		t.Errorf("evicted for %v", e.cause)
	}
}

// TestLateTickets: session tickets that arrive while a connection is idle are
// none of the next user's, and are kept; no live connection is lost to them.
func TestLateTickets(t *testing.T) {
	address := serve(t, func(_ int, c *net.TCPConn) {
		s := tls.Server(c, serverTLS())
		io.Copy(s, s)
	})
	d := &connpool.Dialer{TLS: clientTLS(), Sessions: newSessions(t, connpool.SessionConfig{})}
	p := newPool(t, connpool.Config[string]{Dial: func(ctx context.Context, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "tcp", address)
	}})
	for range 30 {
		c := get(t, p, "k") // never read from: its tickets are still to come
		first := below(c)
		put(t, c)
		for i := 0; d.Sessions.Stats().Stored == 0 || i < 2; i++ {
			c := get(t, p, "k")
			if below(c) != first {
				t.Fatal("a live connection was lost")
			}
			put(t, c)
		}
		c = get(t, p, "k")
		roundTrip(t, c)
		c.Discard(nil)
	}
	if d.Sessions.Stats().Stored < 20 {
		t.Errorf("%d tickets were kept of 30 connections", d.Sessions.Stats().Stored)
	}
}

// TestUnreadData: what one user has left behind is never another one's answer.
func TestUnreadData(t *testing.T) {
	for _, secure := range []bool{false, true} {
		address, accepted := accepting(t, secure)
		p, evicted := sockets(t, address, connpool.Config[string]{}, secure)

		// Half of an answer is read, and the rest is in the socket, or has been
		// taken out of it by TLS already.
		c := get(t, p, "k")
		peer := <-accepted
		peer.Write([]byte("answer"))
		if _, err := io.ReadFull(c, make([]byte, 3)); err != nil {
			t.Fatal(err)
		}
		if err := c.Put(); !errors.Is(err, connpool.ErrUnread) {
			t.Errorf("TLS %v: Put = %v, want ErrUnread", secure, err)
		}
		if e := <-evicted; e.cause != connpool.CauseUnread {
			t.Errorf("TLS %v: evicted for %v", secure, e.cause)
		}

		// Something comes while the connection is idle.
		c = get(t, p, "k")
		old := below(c)
		peer = <-accepted
		put(t, c)
		peer.Write([]byte("more"))
		if again := get(t, p, "k"); below(again) == old {
			t.Errorf("TLS %v: a connection with data that nobody asked for was lent", secure)
		}
		if e := <-evicted; e.conn != old || e.cause != connpool.CauseUnread {
			t.Errorf("TLS %v: evicted for %v", secure, e.cause)
		}
	}
}

// TestServerSpeaksFirst: what a server says on a connection that nobody has used
// is for the first who does.
func TestServerSpeaksFirst(t *testing.T) {
	const greeting = "220 ready"
	for _, secure := range []bool{false, true} {
		for _, how := range []string{"conn", "hijack"} {
			greeted := make(chan net.Conn, 10)
			address := serve(t, func(_ int, c *net.TCPConn) {
				var s net.Conn = c
				if secure {
					s = tls.Server(c, serverTLS())
				}
				io.WriteString(s, greeting)
				greeted <- s
			})
			p, _ := sockets(t, address, connpool.Config[string]{}, secure)
			if err := p.Warm("k", 1); err != nil {
				t.Fatal(err)
			}
			<-greeted
			await.Until(t, "one is ready", func() bool { return p.Stats().Idle > 0 })
			if err := p.Warm("k", 0); err != nil {
				t.Fatal(err)
			}
			c := get(t, p, "k")
			if s := p.Stats(); s.Hits != 1 || c.Reused() {
				t.Fatalf("%+v, reused %v", s, c.Reused())
			}
			var r net.Conn = c
			if how == "hijack" {
				var err error
				if r, err = c.Hijack(); err != nil {
					t.Fatal(err)
				}
				defer r.Close()
			}
			b := make([]byte, len(greeting))
			if _, err := io.ReadFull(r, b); err != nil || string(b) != greeting {
				t.Errorf("TLS %v, %s: read %q, %v", secure, how, b, err)
			}
			if how == "conn" {
				put(t, c)
			}
		}
	}
}

// TestServerRestarts: nobody notices, but for a new connection.
func TestServerRestarts(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	p, _ := sockets(t, address, connpool.Config[string]{BackoffMin: 1, BackoffMax: 1}, false)
	for range 5 {
		peers := make(chan net.Conn, 8)
		served := make(chan struct{})
		go func() {
			defer close(served)
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				peers <- c
				go io.Copy(c, c)
			}
		}()
		var held []*connpool.Conn
		for range 4 {
			c := get(t, p, "k")
			roundTrip(t, c)
			held = append(held, c)
		}
		for _, c := range held {
			put(t, c)
		}
		ln.Close()
		<-served
		for range 4 {
			(<-peers).(*net.TCPConn).CloseWrite()
		}
		if ln, err = net.Listen("tcp", address); err != nil {
			t.Fatal(err)
		}
	}
	ln.Close()
}
