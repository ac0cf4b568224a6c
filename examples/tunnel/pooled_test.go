package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/mux"
)

// TestSessions drives a client that may have several sessions, and asks it what
// it did.
func TestSessions(t *testing.T) {
	for _, name := range []string{"h2", "quic"} {
		t.Run(name, func(t *testing.T) {
			dir := keys(t)
			server := startServer(t, name, dir)
			client := startClient(t, server.Addr, name, dir, "-sessions", "3", "-debug", "127.0.0.1:0")
			target := proxytest.Listen(t, "127.0.0.1:0").Echo()
			var apps sync.WaitGroup
			for range 8 {
				app := proxytest.Connect(t, client.Addr, target.Dest)
				apps.Go(func() {
					proxytest.RoundTrip(t, app, 2<<20)
					proxytest.Finish(t, app)
				})
			}
			apps.Wait()
			var vars struct{ Sessions mux.PoolStats }
			if err := json.Unmarshal(client.Get("/debug/vars"), &vars); err != nil {
				t.Fatal(err)
			}
			if s := vars.Sessions; s.Opened != 8 || s.Sessions < 1 || s.Sessions > 3 || s.Died != 0 {
				t.Errorf("sessions: %+v, want 8 streams on 1 to 3 of them", s)
			}
			proxytest.Quiet(t, client, server)
		})
	}
	proxytest.Refuses(t, []string{"client", "-server", "127.0.0.1:1", "-transport", "tls", "-dir", keys(t), "-sessions", "2"})
}

// A taker takes connections or sessions, and keeps them for the test to close.
type taker struct {
	serve.SessionListener
	net.Listener
	closers chan interface{ Close() error }
}

func (k *taker) Addr() net.Addr {
	if k.Listener != nil {
		return k.Listener.Addr()
	}
	return k.SessionListener.Addr()
}

type sessionTaker struct{ *taker }

func (k sessionTaker) Addr() net.Addr { return k.taker.Addr() }
func (k sessionTaker) Close() error   { return k.SessionListener.Close() }

func (k sessionTaker) Accept(ctx context.Context) (serve.Session, error) {
	s, err := k.SessionListener.Accept(ctx)
	if err == nil {
		k.closers <- s
	}
	return s, err
}

type connTaker struct{ *taker }

func (k connTaker) Addr() net.Addr { return k.taker.Addr() }
func (k connTaker) Close() error   { return k.Listener.Close() }

func (k connTaker) Accept() (net.Conn, error) {
	c, err := k.Listener.Accept()
	if err == nil {
		k.closers <- c
	}
	return c, err
}

// serveHere runs a server in this process, until the test ends.
func serveHere(t *testing.T, name, dir string) *taker {
	t.Helper()
	tr, err := newServer(name, dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg := serve.Config{Log: log.New(t.Output(), "server: ", 0)} // it says that sessions were cut
	tr.serve(&cfg)
	k := &taker{closers: make(chan interface{ Close() error }, 16)}
	if tr.sessions != nil {
		k.SessionListener, err = tr.sessions("127.0.0.1:0")
	} else {
		k.Listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		s := serve.New(cfg)
		if tr.sessions != nil {
			ended <- s.ServeSessions(ctx, sessionTaker{k})
		} else {
			ended <- s.Serve(ctx, connTaker{k})
		}
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("server: %v", err)
		}
	})
	return k
}

// TestSessionIsKilled: of two sessions one ends without a word. Streams on the
// other one notice nothing, and new ones are opened.
func TestSessionIsKilled(t *testing.T) {
	for _, name := range []string{"h2", "quic"} {
		t.Run(name, func(t *testing.T) {
			dir := keys(t)
			server := serveHere(t, name, dir)
			p := poolOf(t, name, dir, server.Addr().String())
			dest := proxytest.Listen(t, "127.0.0.1:0").Echo().Dest

			var kept []net.Conn
			for range 20 {
				kept = append(kept, mustDial(t, p, dest))
			}
			<-server.closers // that session lives on
			// Bulk gets a session to itself.
			bulk, err := p.pool.OpenWith(t.Context(), mux.Bulk, func(ctx context.Context, s mux.Session) (mux.Stream, error) {
				return p.open(ctx, s, dest)
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.answer(t.Context(), bulk); err != nil {
				t.Fatal(err)
			}
			proxytest.RoundTrip(t, bulk, 1<<20)
			if err := (<-server.closers).Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := bulk.Read(make([]byte, 1)); err == nil {
				t.Error("a stream of the session that was killed goes on")
			}
			_ = bulk.Close()
			kept = append(kept, mustDial(t, p, dest))
			for _, c := range kept {
				proxytest.RoundTrip(t, c, 10_000)
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
			if s := p.pool.Stats(); s.Dials != 2 || s.Sessions != 1 {
				t.Errorf("%+v, want 1 session left of 2", s)
			}
		})
	}
}

func poolOf(t *testing.T, name, dir, server string) *pooled {
	t.Helper()
	protocol, pool := protocolPlain, quicPool
	if name == "h2" {
		protocol, pool = protocolH2, h2Pool
	}
	config, err := clientTLS(dir, protocol, false)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pool(server, 2, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.pool.Close(); err != nil && !errors.Is(err, mux.ErrClosed) {
			t.Error(err)
		}
	})
	return p
}

func mustDial(t *testing.T, p *pooled, dest socks.Addr) net.Conn {
	t.Helper()
	c, err := p.dial(t.Context(), dest)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
