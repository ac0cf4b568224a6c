package connpool_test

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/headrace-go/headrace/connpool"
)

// descriptors counts what this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestDescriptors: a crowd uses real connections, whose server ends some of them
// while they are idle and some while they are in use. None that is dead is lent,
// but for those whose end came after the look; and when the Pool is closed every
// descriptor is.
func TestDescriptors(t *testing.T) {
	for name, secure := range map[string]bool{"TCP": false, "TLS": true} {
		baseline := 0
		for round := range 2 { // the first one has the runtime open what it keeps
			t.Run(name, func(t *testing.T) { useSockets(t, secure) })
			if n := descriptors(t); round > 0 && n > baseline {
				t.Errorf("%s: %d descriptors are open, there were %d before", name, n, baseline)
			}
			baseline = descriptors(t)
		}
	}
}

// moody answers bytes, and now and then ends the connection instead, or after.
func moody(n int, raw *net.TCPConn, c net.Conn) {
	r := rand.New(rand.NewPCG(3, uint64(n)))
	b := make([]byte, 1)
	for {
		if _, err := c.Read(b); err != nil {
			break
		}
		mood := r.IntN(12)
		if mood == 0 {
			break
		}
		if _, err := c.Write(b); err != nil {
			break
		}
		if mood == 1 {
			raw.SetLinger(0)
			break
		}
		if mood == 2 {
			break
		}
	}
	c.Close()
}

func useSockets(t *testing.T, secure bool) {
	d := &connpool.Dialer{}
	var address string
	if secure {
		d.TLS, d.Sessions = clientTLS(), newSessions(t, connpool.SessionConfig{})
		cfg := serverTLS()
		address = serve(t, func(n int, c *net.TCPConn) { moody(n, c, tls.Server(c, cfg)) })
	} else {
		address = serve(t, func(n int, c *net.TCPConn) { moody(n, c, c) })
	}
	p, err := connpool.New(connpool.Config[int]{
		MaxOpen: 12, MaxIdle: 6, MaxIdlePerKey: 3, MaxUses: 20,
		Dial: func(ctx context.Context, _ int) (net.Conn, error) { return d.DialContext(ctx, "tcp", address) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var crowd sync.WaitGroup
	for seed := range uint64(8) {
		crowd.Go(func() {
			r := rand.New(rand.NewPCG(4, seed))
			for range 40 {
				c, err := p.Get(t.Context(), r.IntN(4))
				if err != nil {
					t.Error(err)
					return
				}
				err = exchange(c)
				switch how := r.IntN(10); {
				case err != nil:
					c.Discard(err)
				case how == 0:
					if inner, err := c.Hijack(); err == nil {
						inner.Close()
					}
				default:
					if err := c.Put(); err != nil && !errors.Is(err, connpool.ErrUnread) && !errors.Is(err, syscall.EPIPE) {
						t.Error(err)
					}
				}
			}
		})
	}
	crowd.Wait()
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if s := p.Stats(); s.Hits == 0 || s.EvictedFor(connpool.CausePeerClosed) == 0 {
		t.Errorf("not much was tried: %+v", s)
	}
}
