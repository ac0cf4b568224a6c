package connpool_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/headrace-go/headrace/connpool"
)

// The model test drives a Pool with drawn operations inside a bubble, where
// time is exact, and holds everything that it does against a model that is
// simple-minded: lists, no lock, no heap, no timer. The model does not choose
// when a dial ends or how long a backoff lasts; it checks that what the Pool
// chose was allowed, and that nothing is left undone that should have been done.

// dead is what Check says of a connection whose peer is gone.
var errDead = errors.New("dead")

// A fakeConn is a connection that only knows how it ended.
type fakeConn struct {
	net.Conn
	w    *world
	key  string
	id   int
	born time.Time
	// drains is how often its key had been drained when its dial began.
	drains int

	// Under w.mu:
	closed, dead, hijacked bool
}

func (c *fakeConn) Close() error {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	return nil
}

func (c *fakeConn) SetDeadline(time.Time) error { return nil }

// An event is something that the Pool did.
type event struct {
	at    time.Time
	kind  string // "dialed", "failed", "evicted", "got", "denied"
	key   string
	conn  *fakeConn
	cause connpool.Cause
	n     int // with "failed": how many dials for the key are still under way
	get   *getting
	err   error
}

// A getting is one Get, and the Conn that it led to.
type getting struct {
	key       string
	seq       int
	cancel    context.CancelFunc
	cancelled bool
	conn      *connpool.Conn
	inner     *fakeConn
}

// A world is what surrounds the Pool: peers, and who records what happens.
type world struct {
	mu      sync.Mutex
	events  []event
	conns   []*fakeConn
	dialing map[string]int
	began   map[string]time.Time // when the last dial did
	drains  map[string]int
	failed  map[string]time.Time // when the last round of dials began to, if none has succeeded since
	mode    map[string]string    // "", "fail", "hang"
	broken  []string             // what must never be
	limits  limits
	serial  int
}

type limits struct {
	open, openPerKey, idle, idlePerKey, dials, uses, keys int
	idleTimeout, lifetime                                 time.Duration
	fifo                                                  bool
}

func (w *world) record(e event) {
	e.at = time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

func (w *world) violation(format string, args ...any) {
	w.broken = append(w.broken, fmt.Sprintf(format, args...))
}

// checkOpen is called with w.mu held, whenever something is opened: what really
// is open must be within the bounds at every moment, not only between steps.
func (w *world) checkOpen() {
	open, perKey := 0, map[string]int{}
	for _, c := range w.conns {
		if !c.closed && !c.hijacked {
			open++
			perKey[c.key]++
		}
	}
	for key, n := range w.dialing {
		open += n
		perKey[key] += n
		if w.limits.dials > 0 && n > w.limits.dials {
			w.violation("%d dials for %s", n, key)
		}
	}
	if w.limits.open > 0 && open > w.limits.open {
		w.violation("%d connections open or being dialed", open)
	}
	for key, n := range perKey {
		if w.limits.openPerKey > 0 && n > w.limits.openPerKey {
			w.violation("%d connections of %s open or being dialed", n, key)
		}
	}
}

func (w *world) dial(ctx context.Context, key string) (net.Conn, error) {
	w.mu.Lock()
	w.dialing[key]++
	w.began[key] = time.Now()
	w.checkOpen()
	w.serial++
	if since := time.Since(w.failed[key]); since > 0 && since < backoffMin/2 && w.limits.keys >= allKeys {
		w.violation("%s was dialed %v after a failure", key, since)
	}
	began := time.Now()
	mode, serial, drains := w.mode[key], w.serial, w.drains[key]
	w.mu.Unlock()
	// No two things happen at the same instant: what comes first is then clear.
	took := 10*time.Millisecond + time.Duration(serial)*time.Nanosecond
	if mode == "hang" {
		took = time.Hour
	}
	err := error(nil)
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(took):
		if mode == "fail" {
			err = errors.New("refused")
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dialing[key]--
	if err != nil {
		if !began.Before(w.failed[key]) { // else it belongs to the same round
			w.failed[key] = time.Now()
		}
		w.events = append(w.events, event{at: time.Now(), kind: "failed", key: key, n: w.dialing[key], err: err})
		return nil, err
	}
	delete(w.failed, key)
	c := &fakeConn{w: w, key: key, id: len(w.conns), born: time.Now(), drains: drains}
	w.conns = append(w.conns, c)
	w.checkOpen()
	w.events = append(w.events, event{at: time.Now(), kind: "dialed", key: key, conn: c})
	return c, nil
}

func (w *world) check(c net.Conn) error {
	f := c.(*fakeConn)
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.dead {
		return errDead
	}
	return nil
}

func (w *world) drain() []event {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.events
	w.events = nil
	return all
}

// An op is one drawn operation.
type op struct {
	kind string
	key  string
	n    int // which of those that there are, or how many
	wait time.Duration
}

const backoffMin = 100 * time.Millisecond

// allKeys are as many as there are: a Pool that remembers them forgets no
// failure.
const allKeys = 3

func drawOps(t *rapid.T) []op {
	kinds := []string{
		"get", "get", "get", "get", "put", "put", "put", "put", "discard", "hijack", "kill", "wait", "wait", "wait", "wait",
		"cancel", "mode", "drain", "reset", "warm",
	}
	keys := []string{"a", "a", "a", "b", "c"}
	waits := []time.Duration{
		time.Nanosecond, 5 * time.Millisecond, 11 * time.Millisecond, 100 * time.Millisecond, time.Second,
		10*time.Second - 1, 10 * time.Second, 61 * time.Second,
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) op {
		return op{
			kind: rapid.SampledFrom(kinds).Draw(t, "kind"),
			key:  rapid.SampledFrom(keys).Draw(t, "key"),
			n:    rapid.IntRange(0, 5).Draw(t, "n"),
			wait: rapid.SampledFrom(waits).Draw(t, "wait"),
		}
	}), 20, 80).Draw(t, "ops")
}

func drawLimits(t *rapid.T) limits {
	from := func(name string, values ...int) int { return rapid.SampledFrom(values).Draw(t, name) }
	return limits{
		open:        from("open", 0, 0, 1, 2, 3, 5),
		openPerKey:  from("openPerKey", 0, 1, 2, 3),
		idle:        from("idle", 0, 0, 1, 2, 4, -1),
		idlePerKey:  from("idlePerKey", 0, 1, 2, -1),
		dials:       from("dials", 0, 1, 2),
		uses:        from("uses", 0, 1, 3),
		keys:        from("keys", 1, 2, allKeys),
		idleTimeout: time.Duration(from("idleTimeout", 10, -1)) * time.Second,
		lifetime:    time.Duration(from("lifetime", 0, 15)) * time.Second,
		fifo:        rapid.Bool().Draw(t, "fifo"),
	}
}

func TestPoolModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ops, lim := drawOps(rt), drawLimits(rt)
		var failure string
		synctest.Test(t, func(*testing.T) { failure = runModel(ops, lim) })
		if failure != "" {
			rt.Fatalf("%s\nlimits %+v", failure, lim)
		}
	})
}

// runModel returns what was wrong, or "".
func runModel(ops []op, lim limits) string {
	w := &world{dialing: map[string]int{}, began: map[string]time.Time{}, drains: map[string]int{}, failed: map[string]time.Time{}, mode: map[string]string{}, limits: lim}
	p, err := connpool.New(connpool.Config[string]{
		Dial: w.dial, DialTimeout: 3 * time.Second, Check: w.check,
		MaxOpen: lim.open, MaxOpenPerKey: lim.openPerKey, MaxIdle: lim.idle, MaxIdlePerKey: lim.idlePerKey,
		BackoffMin: backoffMin, MaxDialsPerKey: lim.dials, MaxUses: lim.uses, MaxKeys: lim.keys,
		IdleTimeout: lim.idleTimeout, Lifetime: lim.lifetime, FIFO: lim.fifo,
		OnEvict: func(key string, c net.Conn, cause connpool.Cause, err error) {
			w.record(event{kind: "evicted", key: key, conn: c.(*fakeConn), cause: cause, err: err})
		},
	})
	if err != nil {
		return err.Error()
	}
	defer synctest.Wait()
	defer closeNow(p)
	m := &model{world: w, pool: p, failing: map[string]bool{}, warm: map[string]int{}, stillborn: map[string]bool{}, taken: map[string]time.Time{}, owed: map[string]int{}}
	for i, o := range ops {
		m.apply(o)
		m.settle()
		if f := m.failure(); f != "" {
			return fmt.Sprintf("step %d, %+v: %s", i, o, f)
		}
	}
	m.end()
	if f := m.failure(); f != "" {
		return "at the end: " + f
	}
	return ""
}
