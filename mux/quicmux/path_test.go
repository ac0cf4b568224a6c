package quicmux_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/quicmux"
)

// A path is a relay of datagrams between a client and a server that loses and
// reorders them, from a seed.
type path struct {
	front, back *net.UDPConn
	group       sync.WaitGroup

	mu     sync.Mutex
	client netip.AddrPort
	cut    bool
}

// newPath relays to server. One datagram in lose is lost, one in swap is held
// back behind the next.
func newPath(t *testing.T, server net.Addr, seed uint64, lose, swap int) *path {
	t.Helper()
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.DialUDP("udp", nil, server.(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	p := &path{front: front, back: back}
	p.group.Go(func() {
		p.relay(front, rand.New(rand.NewPCG(seed, 1)), lose, swap, func(b []byte, from netip.AddrPort) {
			p.mu.Lock()
			p.client = from
			p.mu.Unlock()
			_, _ = back.Write(b)
		})
	})
	p.group.Go(func() {
		p.relay(back, rand.New(rand.NewPCG(seed, 2)), lose, swap, func(b []byte, _ netip.AddrPort) {
			p.mu.Lock()
			to := p.client
			p.mu.Unlock()
			_, _ = front.WriteToUDPAddrPort(b, to)
		})
	})
	t.Cleanup(func() {
		_, _ = front.Close(), back.Close()
		p.group.Wait()
	})
	return p
}

func (p *path) relay(from *net.UDPConn, r *rand.Rand, lose, swap int, send func([]byte, netip.AddrPort)) {
	var held []byte
	buf := make([]byte, 64<<10)
	for {
		n, addr, err := from.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		p.mu.Lock()
		cut := p.cut
		p.mu.Unlock()
		if err != nil || cut || lose > 0 && r.IntN(lose) == 0 {
			continue
		}
		if swap > 0 && held == nil && r.IntN(swap) == 0 {
			held = append(held, buf[:n]...)
			continue
		}
		send(buf[:n], addr)
		if held != nil {
			send(held, addr)
			held = nil
		}
	}
}

// TestLossAndReordering: what arrives is what was sent.
func TestLossAndReordering(t *testing.T) {
	for seed := range uint64(3) {
		l := listen(t, quicmux.Config{})
		serveEcho(t, l)
		p := newPath(t, l.Addr(), seed, 30, 20)
		c, err := quicmux.Dial(t.Context(), p.front.LocalAddr().String(), quicmux.Config{TLS: clientTLS()})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				if err := exchange(c, pattern(100_000+i)); err != nil {
					t.Errorf("seed %d, stream %d: %v", seed, i, err)
				}
			})
		}
		group.Wait()
		if st := c.Stats(); st.PacketsSent == 0 || st.PacketsReceived == 0 {
			t.Errorf("Stats = %+v", st)
		}
		_ = c.Close()
	}
}

// TestSilence: a path that is cut ends the session with ErrSilent.
func TestSilence(t *testing.T) {
	l := listen(t, quicmux.Config{})
	serveEcho(t, l)
	p := newPath(t, l.Addr(), 0, 0, 0)
	c, err := quicmux.Dial(t.Context(), p.front.LocalAddr().String(), quicmux.Config{TLS: clientTLS(), IdleTimeout: time.Second, KeepAlive: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := exchange(c, pattern(10)); err != nil {
		t.Fatal(err)
	}
	st, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.cut = true
	p.mu.Unlock()
	if _, err := st.Read(make([]byte, 1)); !errors.Is(err, mux.ErrSilent) {
		t.Errorf("Read = %v, want ErrSilent", err)
	}
	<-c.Done()
	if err := c.Err(); !errors.Is(err, mux.ErrSilent) {
		t.Errorf("Err = %v, want ErrSilent", err)
	}
}

// TestGarbage: datagrams of strangers, at random and with versions that nobody
// knows, change nothing.
func TestGarbage(t *testing.T) {
	l := listen(t, quicmux.Config{})
	serveEcho(t, l)
	c, err := quicmux.Dial(t.Context(), l.Addr().String(), quicmux.Config{TLS: clientTLS()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := rand.New(rand.NewPCG(7, 7))
	stranger, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	client := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: c.LocalAddr().(*net.UDPAddr).Port}
	for i := range 2000 {
		b := make([]byte, 1+r.IntN(1400))
		for j := range b {
			b[j] = byte(r.Uint32())
		}
		if i%2 == 0 {
			b[0] |= 0xc0 // a long header, mostly of an unknown version
		}
		_, _ = stranger.WriteTo(b, l.Addr())
		_, _ = stranger.WriteTo(b, client)
	}
	if err := exchange(c, pattern(100_000)); err != nil {
		t.Errorf("after garbage: %v", err)
	}
	if err := c.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}
