package vecio_test

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/vecio"
)

// A ledger is a pool that knows how much it has lent.
type ledger struct {
	mu   sync.Mutex
	lent int
	most int
}

func (l *ledger) Get(n int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lent += n
	l.most = max(l.most, l.lent)
	return make([]byte, n)
}

func (l *ledger) Put(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lent -= cap(b)
}

func (l *ledger) bytes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lent
}

func TestCoalesceHoldsNothingWhileWaiting(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	var pool ledger
	c := vecio.Coalesce(b, vecio.CoalesceConfig{Pool: &pool})
	buf := make([]byte, 100)
	for range 3 {
		c.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
		if n, err := c.Read(buf); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Read = %d, %v, want a missed deadline", n, err)
		}
		if n := pool.bytes(); n != 0 || pool.most == 0 {
			t.Fatalf("%d bytes are lent, %d were", n, pool.most)
		}
		c.SetReadDeadline(time.Time{})
		a.Write(record(10))
		if n, err := c.Read(buf); n != 15 || err != nil { // a missed deadline is over when it is over
			t.Fatalf("Read = %d, %v, want 15", n, err)
		}
		if n := pool.bytes(); n != 0 {
			t.Fatalf("%d bytes are lent after all was read", n)
		}
	}
}

// TestCoalesceCloseReturnsBuffers closes while bytes are ahead and held, and
// while calls are under way.
func TestCoalesceCloseReturnsBuffers(t *testing.T) {
	for _, closeIt := range []func(*vecio.CoalesceConn) error{(*vecio.CoalesceConn).Close, (*vecio.CoalesceConn).Abort} {
		a, b := faultconn.Sockets(t, "tcp")
		var pool ledger
		c := vecio.Coalesce(b, vecio.CoalesceConfig{Pool: &pool})
		a.Write(append(record(10), record(10)...))
		if _, err := io.ReadFull(c, make([]byte, 15)); err != nil {
			t.Fatal(err)
		}
		c.Cork()
		c.Write(make([]byte, 10))
		if pool.bytes() == 0 {
			t.Fatal("nothing is lent, nothing is tested")
		}
		if err := closeIt(c); err != nil {
			t.Error(err)
		}
		if n := pool.bytes(); n != 0 {
			t.Errorf("%d bytes are still lent after Close", n)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read: %v, want net.ErrClosed", err)
		}
		if _, err := c.Write([]byte{1}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write: %v, want net.ErrClosed", err)
		}
		if _, err := c.Writev([][]byte{{1}}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Writev: %v, want net.ErrClosed", err)
		}
		if err := c.Uncork(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Uncork: %v, want net.ErrClosed", err)
		}
		for name, err := range map[string]error{
			"Close": c.Close(), "SetDeadline": c.SetDeadline(time.Time{}),
			"SetReadDeadline": c.SetReadDeadline(time.Time{}), "SetWriteDeadline": c.SetWriteDeadline(time.Time{}),
		} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: %v, want net.ErrClosed", name, err)
			}
		}
		if n := pool.bytes(); n != 0 {
			t.Errorf("%d bytes are lent by calls after Close", n)
		}
	}
	synctest.Test(t, func(t *testing.T) { // both directions wait when Close comes
		outer, inner := faultconn.Pair(100)
		var pool ledger
		c := vecio.Coalesce(inner, vecio.CoalesceConfig{Pool: &pool})
		ended := make(chan error, 2)
		go func() {
			_, err := c.Read(make([]byte, 1))
			ended <- err
		}()
		go func() {
			c.Cork()
			c.Write(make([]byte, 1000))
			ended <- c.Uncork()
		}()
		synctest.Wait()
		if pool.bytes() == 0 {
			t.Error("nothing is lent, nothing is tested")
		}
		c.Close()
		for range 2 {
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Errorf("a call under way: %v, want net.ErrClosed", err)
			}
		}
		synctest.Wait()
		if n := pool.bytes(); n != 0 {
			t.Errorf("%d bytes are still lent", n)
		}
		outer.Close()
	})
}

func TestCoalesceAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops Puts under the race detector")
	}
	a, b := faultconn.Sockets(t, "tcp")
	x, y := vecio.Coalesce(a, vecio.CoalesceConfig{}), vecio.Coalesce(b, vecio.CoalesceConfig{})
	rec, small, buf := record(16<<10), record(10), make([]byte, 20<<10)
	n := testing.AllocsPerRun(200, func() {
		x.Cork()
		for range 4 {
			x.Write(rec)
		}
		x.Write(small)
		x.Uncork()
		for left := 4*len(rec) + len(small); left > 0; {
			n, err := y.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			left -= n
		}
	})
	if n > 0 {
		t.Errorf("%v allocations for a batch of records", n)
	}
}
