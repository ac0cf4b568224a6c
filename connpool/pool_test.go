package connpool_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/connpool"
	"github.com/headrace-go/headrace/internal/faultconn"
)

// inMemory dials a connection whose other end nobody looks at.
func inMemory(context.Context, string) (net.Conn, error) {
	a, _ := faultconn.Pair(1 << 10)
	return a, nil
}

// newPool returns a Pool that is closed, by force if it has to, at the end.
func newPool(t testing.TB, cfg connpool.Config[string]) *connpool.Pool[string] {
	t.Helper()
	p, err := connpool.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(p) })
	return p
}

func closeNow(p *connpool.Pool[string]) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = p.Close(ctx)
}

func get(t testing.TB, p *connpool.Pool[string], key string) *connpool.Conn {
	t.Helper()
	c, err := p.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func put(t testing.TB, c *connpool.Conn) {
	t.Helper()
	if err := c.Put(); err != nil {
		t.Fatal(err)
	}
}

// below is the connection that a Conn stands for.
func below(c *connpool.Conn) net.Conn {
	inner, _ := c.TransparentConn()
	return inner
}

// evictions collects what OnEvict is told.
type evictions struct {
	mu  sync.Mutex
	all []connpool.Cause
}

func (e *evictions) hook(_ string, _ net.Conn, cause connpool.Cause, _ error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, cause)
}

func (e *evictions) take() []connpool.Cause {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.all
	e.all = nil
	return all
}

func TestReuse(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		p := newPool(t, connpool.Config[string]{Dial: inMemory, FIFO: fifo})
		a, b := get(t, p, "k"), get(t, p, "k")
		other := get(t, p, "other")
		if a.Reused() || a.Uses() != 1 || below(a) == below(b) || below(a) == below(other) {
			t.Fatalf("a new Conn: Reused %v, Uses %d", a.Reused(), a.Uses())
		}
		put(t, a)
		put(t, b)
		want := below(b)
		if fifo {
			want = below(a)
		}
		if want != nil {
			t.Fatal("a Conn that was put back shows its connection")
		}
		c, d := get(t, p, "k"), get(t, p, "k")
		if !c.Reused() || c.Uses() != 2 || c.Age() < 0 {
			t.Errorf("a used Conn: Reused %v, Uses %d, Age %v", c.Reused(), c.Uses(), c.Age())
		}
		_ = d
		s := p.Stats()
		if s.Hits != 2 || s.Misses != 3 || s.Dials != 3 || s.Open != 3 || s.Idle != 0 || s.Keys != 2 {
			t.Errorf("Stats = %+v", s)
		}
		if s, ok := p.KeyStats("other"); !ok || s.Misses != 1 || s.Open != 1 || s.Hits != 0 {
			t.Errorf("KeyStats = %+v, %v", s, ok)
		}
		if _, ok := p.KeyStats("none"); ok {
			t.Error("KeyStats knows a key that was never used")
		}
	}
}

func TestOrder(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		p := newPool(t, connpool.Config[string]{Dial: inMemory, FIFO: fifo})
		a, b := get(t, p, "k"), get(t, p, "k")
		first, second := below(a), below(b)
		put(t, a)
		put(t, b)
		if fifo {
			first, second = second, first
		}
		if c := get(t, p, "k"); below(c) != second {
			t.Errorf("FIFO %v: the wrong connection first", fifo)
		}
		if c := get(t, p, "k"); below(c) != first {
			t.Errorf("FIFO %v: the wrong connection second", fifo)
		}
	}
}

// TestEndedHandle: whichever way a handle has ended, all its methods fail, and
// the connection's next holder is left alone.
func TestEndedHandle(t *testing.T) {
	for name, end := range map[string]func(c *connpool.Conn) error{
		"put":     (*connpool.Conn).Put,
		"discard": func(c *connpool.Conn) error { return c.Discard(errors.New("bad")) },
		"close":   (*connpool.Conn).Close,
		"hijack": func(c *connpool.Conn) error {
			inner, err := c.Hijack()
			if err == nil {
				err = inner.Close()
			}
			return err
		},
	} {
		p := newPool(t, connpool.Config[string]{Dial: inMemory})
		c := get(t, p, "k")
		if err := end(c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		next := get(t, p, "k")
		b := make([]byte, 1)
		calls := map[string]func() error{
			"Put": c.Put, "Close": c.Close, "CloseWrite": c.CloseWrite, "CloseRead": c.CloseRead,
			"Discard":          func() error { return c.Discard(nil) },
			"Hijack":           func() error { _, err := c.Hijack(); return err },
			"Read":             func() error { _, err := c.Read(b); return err },
			"Write":            func() error { _, err := c.Write(b); return err },
			"ReadFrom":         func() error { _, err := c.ReadFrom(nil); return err },
			"WriteTo":          func() error { _, err := c.WriteTo(nil); return err },
			"SetDeadline":      func() error { return c.SetDeadline(time.Unix(1, 0)) },
			"SetReadDeadline":  func() error { return c.SetReadDeadline(time.Unix(1, 0)) },
			"SetWriteDeadline": func() error { return c.SetWriteDeadline(time.Unix(1, 0)) },
		}
		for call, f := range calls {
			if err := f(); !errors.Is(err, connpool.ErrClosed) || !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s after %s = %v, want ErrClosed", call, name, err)
			}
		}
		if inner := below(c); inner != nil {
			t.Errorf("after %s the connection can be reached", name)
		}
		if _, err := next.Write(b); err != nil {
			t.Errorf("after %s the next holder: %v", name, err)
		}
	}
}

func TestPutRefuses(t *testing.T) {
	var evicted evictions
	var far *faultconn.Endpoint
	p := newPool(t, connpool.Config[string]{OnEvict: evicted.hook, Dial: func(context.Context, string) (net.Conn, error) {
		near, end := faultconn.Pair(1 << 10)
		far = end
		return near, nil
	}})
	b := make([]byte, 8)
	for _, c := range []struct {
		name  string
		do    func(c *connpool.Conn)
		want  error
		cause connpool.Cause
	}{
		{"a failed read", func(c *connpool.Conn) { far.Close(); c.Read(b) }, connpool.ErrSpent, connpool.CauseSpent},
		{"a failed write", func(c *connpool.Conn) { far.Close(); c.Write(b) }, connpool.ErrSpent, connpool.CauseSpent},
		{"a half-close", func(c *connpool.Conn) { c.CloseWrite() }, connpool.ErrSpent, connpool.CauseSpent},
		{"a write out of time", func(c *connpool.Conn) { c.SetDeadline(time.Unix(1, 0)); c.Write(b) }, connpool.ErrSpent, connpool.CauseSpent},
		{"copied to its end", func(c *connpool.Conn) { far.Close(); io.Copy(io.Discard, c) }, connpool.ErrSpent, connpool.CauseSpent},
	} {
		conn := get(t, p, "k")
		c.do(conn)
		if err := conn.Put(); !errors.Is(err, c.want) {
			t.Errorf("Put after %s = %v, want %v", c.name, err, c.want)
		}
		if got := evicted.take(); len(got) != 1 || got[0] != c.cause {
			t.Errorf("after %s evicted for %v, want %v", c.name, got, c.cause)
		}
	}

	conn := get(t, p, "k")
	conn.SetDeadline(time.Unix(1, 0))
	if _, err := conn.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	put(t, conn)
	again := get(t, p, "k")
	if !again.Reused() {
		t.Fatal("a read out of time has cost the connection")
	}
	far.Write([]byte("x"))
	if _, err := again.Read(b); err != nil {
		t.Errorf("Put left a deadline: %v", err)
	}
}

// TestPutInUse: a read that is under way would take the next user's bytes.
func TestPutInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var evicted evictions
		p := newPool(t, connpool.Config[string]{OnEvict: evicted.hook, Dial: inMemory})
		c := get(t, p, "k")
		read := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
		synctest.Wait()
		if err := c.Put(); !errors.Is(err, connpool.ErrInUse) {
			t.Errorf("Put = %v, want ErrInUse", err)
		}
		if err := <-read; !errors.Is(err, net.ErrClosed) {
			t.Errorf("the read = %v, want net.ErrClosed", err)
		}
		if got := evicted.take(); len(got) != 1 || got[0] != connpool.CauseInUse {
			t.Errorf("evicted for %v", got)
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	for _, cfg := range []connpool.Config[string]{
		{},
		{Dial: inMemory, MaxOpen: -1},
		{Dial: inMemory, MaxDialsPerKey: -1},
		{Dial: inMemory, LifetimeJitter: 1.5},
		{Dial: inMemory, Preconnect: 1e9},
		{Dial: inMemory, BackoffMin: time.Hour},
		{Dial: inMemory, BackoffMin: -1},
	} {
		if _, err := connpool.New(cfg); err == nil {
			t.Errorf("New(%+v): no error", cfg)
		}
	}
}

func TestAllocs(t *testing.T) {
	p := newPool(t, connpool.Config[string]{Dial: inMemory})
	turn := func() { put(t, get(t, p, "k")) }
	ctx := t.Context()
	turn()
	if n := testing.AllocsPerRun(200, func() {
		c, err := p.Get(ctx, "k")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Put(); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("Get and Put: %v allocations, want the Conn and nothing else", n)
	}
	sock := newPool(t, connpool.Config[string]{Dial: func(context.Context, string) (net.Conn, error) {
		a, _ := faultconn.Sockets(t, "tcp")
		return a, nil
	}})
	if n := testing.AllocsPerRun(200, func() {
		c, err := sock.Get(ctx, "k")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Put(); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("with a socket: %v allocations, want the Conn and nothing else", n)
	}
}
