package connpool_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/connpool"
	"github.com/headrace-go/headrace/internal/faultconn"
)

// A network is a fake one: each key is a host that answers, refuses or is
// silent, and whose connections are in memory.
type network struct {
	dials   atomic.Int64
	refuses atomic.Bool
	silent  atomic.Bool
	takes   time.Duration
	peers   chan *faultconn.Endpoint // if not nil, of those that were dialed
}

func (n *network) dial(ctx context.Context, key string) (net.Conn, error) {
	n.dials.Add(1)
	if n.silent.Load() && key != "healthy" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	time.Sleep(n.takes)
	if n.refuses.Load() {
		return nil, errors.New("refused")
	}
	a, b := faultconn.Pair(1 << 10)
	if n.peers != nil {
		n.peers <- b
	}
	return a, nil
}

// inBubble runs f with a Pool that is closed at its end.
func inBubble(t *testing.T, cfg connpool.Config[string], n *network, f func(t *testing.T, p *connpool.Pool[string], evicted *evictions)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var evicted evictions
		cfg.Dial, cfg.OnEvict = n.dial, evicted.hook
		if n.peers != nil {
			n.peers = make(chan *faultconn.Endpoint, cap(n.peers))
		}
		p := newPool(t, cfg)
		f(t, p, &evicted)
	})
}

func TestIdleTimeout(t *testing.T) {
	inBubble(t, connpool.Config[string]{IdleTimeout: time.Minute}, &network{}, func(t *testing.T, p *connpool.Pool[string], evicted *evictions) {
		a, b := get(t, p, "k"), get(t, p, "other")
		put(t, a)
		time.Sleep(30 * time.Second)
		put(t, b)
		time.Sleep(30*time.Second - 1)
		synctest.Wait()
		if s := p.Stats(); s.Idle != 2 {
			t.Fatalf("%d idle before IdleTimeout", s.Idle)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if s := p.Stats(); s.Idle != 1 || s.EvictedFor(connpool.CauseIdle) != 1 {
			t.Fatalf("%+v at IdleTimeout", s)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := evicted.take(); !slices.Equal(got, []connpool.Cause{connpool.CauseIdle, connpool.CauseIdle}) {
			t.Errorf("evicted for %v", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := p.Stats(); s.Keys != 0 {
			t.Errorf("%d keys are remembered after a minute", s.Keys)
		}

		// The timer has gone off in vain while all were lent.
		put(t, get(t, p, "k"))
		c := get(t, p, "k")
		time.Sleep(2 * time.Minute)
		put(t, c)
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := p.Stats(); s.Hits != 1 || s.Idle != 0 || s.EvictedFor(connpool.CauseIdle) != 3 {
			t.Errorf("%+v a minute later", s)
		}
	})
}

// TestLifetimeOfBusyConnections: it ends those too that are never idle for long,
// and not all at once.
func TestLifetimeOfBusyConnections(t *testing.T) {
	inBubble(t, connpool.Config[string]{Lifetime: time.Hour, LifetimeJitter: 0.5}, &network{}, func(t *testing.T, p *connpool.Pool[string], evicted *evictions) {
		start := time.Now()
		var ages []time.Duration
		busy := make([]*connpool.Conn, 20)
		for i := range busy {
			busy[i] = get(t, p, "k")
		}
		for len(ages) < len(busy) && time.Since(start) < 2*time.Hour {
			time.Sleep(time.Minute)
			for i, c := range busy {
				if c == nil {
					continue
				}
				put(t, c)
				if len(evicted.take()) > 0 {
					ages = append(ages, time.Since(start))
					busy[i] = nil
				} else {
					busy[i] = get(t, p, "k")
				}
			}
		}
		if len(ages) != len(busy) {
			t.Fatalf("%d of %d came to their end", len(ages), len(busy))
		}
		if ages[0] < 30*time.Minute || ages[len(ages)-1] > time.Hour+time.Minute || ages[0] == ages[len(ages)-1] {
			t.Errorf("they ended between %v and %v", ages[0], ages[len(ages)-1])
		}
	})
}

func TestCloseWaits(t *testing.T) {
	n := &network{takes: time.Second}
	inBubble(t, connpool.Config[string]{}, n, func(t *testing.T, p *connpool.Pool[string], evicted *evictions) {
		idle, lent := get(t, p, "k"), get(t, p, "k")
		put(t, idle)
		waiting := make(chan error, 1)
		go func() {
			_, err := p.Get(context.Background(), "other")
			waiting <- err
		}()
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- p.Close(context.Background()) }()
		if err := <-waiting; !errors.Is(err, connpool.ErrClosed) {
			t.Errorf("the waiting Get = %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(closed) > 0 {
			t.Fatal("Close did not wait for the lent connection")
		}
		put(t, lent)
		if err := <-closed; err != nil {
			t.Errorf("Close = %v", err)
		}
		if got := evicted.take(); len(got) != 2 && len(got) != 3 { // the dial may have ended well
			t.Errorf("evicted for %v", got)
		}
		if _, err := p.Get(t.Context(), "k"); !errors.Is(err, connpool.ErrClosed) {
			t.Errorf("Get = %v", err)
		}
		if err := p.Warm("k", 1); !errors.Is(err, connpool.ErrClosed) {
			t.Errorf("Warm = %v", err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Errorf("a second Close = %v", err)
		}
	})
}

func TestCloseByForce(t *testing.T) {
	inBubble(t, connpool.Config[string]{}, &network{}, func(t *testing.T, p *connpool.Pool[string], _ *evictions) {
		c := get(t, p, "k")
		read := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v", err)
		}
		if err := <-read; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read = %v", err)
		}
		if s := p.Stats(); s.Open != 0 {
			t.Errorf("%+v", s)
		}
		if err := c.Discard(nil); err != nil {
			t.Errorf("Discard = %v", err)
		}
	})
}
