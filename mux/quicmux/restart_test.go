package quicmux_test

import (
	"net"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/mux/quicmux"
)

// TestRestart: streams in both directions go on while the client moves from one
// port to another and back. The ports are two.
func TestRestart(t *testing.T) {
	c, err := quicmux.Dial(t.Context(), echoServer(t).String(), quicmux.Config{TLS: clientTLS()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for range 5 {
				if err := exchange(c, pattern(100_000+i)); err != nil {
					t.Errorf("stream %d: %v", i, err)
				}
			}
		})
	}
	ports := map[int]bool{port(c): true}
	for range 5 {
		before := port(c)
		if err := quicmux.Restart(c); err != nil {
			t.Fatal(err)
		}
		if err := exchange(c, pattern(1000)); err != nil {
			t.Error(err)
		}
		if port(c) == before {
			t.Errorf("port %d has not changed", before)
		}
		ports[port(c)] = true
	}
	group.Wait()
	if len(ports) != 2 {
		t.Errorf("%d ports were used, want 2", len(ports))
	}
}

func port(s *quicmux.Session) int { return s.LocalAddr().(*net.UDPAddr).Port }

// TestRestartRefused: a server that answers nothing from elsewhere, here since
// it cannot see that it comes from elsewhere, keeps its session.
func TestRestartRefused(t *testing.T) {
	p := newPath(t, echoServer(t), 1, 0, 0)
	c, err := quicmux.Dial(t.Context(), p.front.LocalAddr().String(), quicmux.Config{TLS: clientTLS()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := port(c)
	if err := quicmux.Restart(c); err == nil {
		t.Error("Restart without an answer has not failed")
	}
	if err := exchange(c, pattern(100_000)); err != nil || port(c) != before {
		t.Errorf("after that: %v, from port %d, %d before", err, port(c), before)
	}
}

func echoServer(t *testing.T) net.Addr {
	l := listen(t, quicmux.Config{})
	serveEcho(t, l)
	return l.Addr()
}

// TestRestartOfEnded: a session that has ended does not move.
func TestRestartOfEnded(t *testing.T) {
	c, _ := pair(t, quicmux.Config{}, quicmux.Config{})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := quicmux.Restart(c); err == nil {
		t.Errorf("Restart = %v", err)
	}
}
