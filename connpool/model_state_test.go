package connpool_test

import (
	"context"
	"errors"

	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/connpool"
)

// A model is the simple-minded twin of a Pool.
type model struct {
	world *world
	pool  *connpool.Pool[string]

	waiting []*getting  // in order of arrival
	lent    []*getting  // that have a connection
	idle    []*idleConn // in the order in which they were put back
	closing bool
	failing map[string]bool // its last dial has failed
	warm    map[string]int
	// stillborn: one has died unused, so that its reserve may be late.
	stillborn map[string]bool
	taken     map[string]time.Time // when a Get was last served
	owed      map[string]int       // failures that somebody is to be told of
	putting   *getting             // whose Put the step is about
	at        time.Time
	serial    int // of Gets
}

type idleConn struct {
	conn  *fakeConn
	since time.Time
	// settled: it was idle when the step began, and not only for a moment in it.
	settled bool
}

func (m *model) violation(format string, args ...any) {
	m.world.mu.Lock()
	defer m.world.mu.Unlock()
	m.world.violation(format, args...)
}

func (m *model) failure() string {
	m.world.mu.Lock()
	defer m.world.mu.Unlock()
	return strings.Join(m.world.broken, "; ")
}

// apply does one operation.
func (m *model) apply(o op) {
	m.at = time.Now()
	pick := func(gs []*getting) *getting {
		if len(gs) == 0 {
			return nil
		}
		return gs[o.n%len(gs)]
	}
	switch o.kind {
	case "get":
		ctx, cancel := context.WithCancel(context.Background())
		m.serial++
		g := &getting{key: o.key, cancel: cancel, seq: m.serial}
		m.waiting = append(m.waiting, g)
		go func() {
			conn, err := m.pool.Get(ctx, o.key)
			e := event{kind: "denied", key: o.key, get: g, err: err}
			if err == nil {
				inner, _ := conn.TransparentConn()
				g.conn, g.inner = conn, inner.(*fakeConn)
				e.kind, e.conn = "got", g.inner
			}
			m.world.record(e)
		}()
	case "put", "discard", "hijack":
		if g := pick(m.lent); g != nil {
			m.giveBack(g, o.kind)
		}
	case "kill":
		m.world.mu.Lock()
		if n := len(m.world.conns); n > 0 {
			m.world.conns[n-1-o.n%n].dead = true
		}
		m.world.mu.Unlock()
	case "wait":
		time.Sleep(o.wait)
	case "cancel":
		if g := pick(m.waiting); g != nil {
			g.cancelled = true
			g.cancel()
		}
	case "mode":
		m.world.mu.Lock()
		m.world.mode[o.key] = []string{"", "", "fail", "hang"}[o.n%4]
		m.world.mu.Unlock()
	case "drain":
		m.drain(o.key)
		m.pool.Drain(o.key)
		delete(m.warm, o.key)
	case "reset":
		m.drain("a", "b", "c")
		m.pool.Reset()
		clear(m.failing)
		clear(m.stillborn)
		m.world.mu.Lock()
		clear(m.world.failed)
		m.world.mu.Unlock()
	case "warm":
		n := o.n % 3
		if err := m.pool.Warm(o.key, n); err == nil {
			m.warm[o.key] = n
		} else if n <= min(m.idleBound(), m.idlePerKeyBound()) {
			m.violation("Warm(%d): %v", n, err)
		}
	}
}

// drain notes that what is open or being dialed must not be lent any more.
func (m *model) drain(keys ...string) {
	m.world.mu.Lock()
	defer m.world.mu.Unlock()
	for _, key := range keys {
		m.world.drains[key]++
	}
}

func (m *model) giveBack(g *getting, how string) {
	m.lent = without(m.lent, g)
	var err error
	switch how {
	case "put":
		m.putting = g
		err = g.conn.Put()
	case "discard":
		err = g.conn.Discard(nil)
	case "hijack":
		m.world.mu.Lock()
		g.inner.hijacked = true
		m.world.mu.Unlock()
		_, err = g.conn.Hijack()
	}
	if err != nil {
		m.violation("%s of %d: %v", how, g.inner.id, err)
	}
	if err := g.conn.Put(); !errors.Is(err, connpool.ErrClosed) {
		m.violation("a second Put: %v", err)
	}
	g.cancel()
}

// settle waits until nothing moves any more, and judges what has happened.
func (m *model) settle() {
	synctest.Wait()
	events := m.world.drain()
	if g := m.putting; g != nil {
		// It was put back before anything that followed from that.
		m.putting = nil
		m.idle = append(m.idle, &idleConn{conn: g.inner, since: m.at})
	}
	m.untangle(events)
	for _, e := range events {
		m.judge(e)
	}
	for _, ic := range m.idle {
		ic.settled = true
	}
	for key, n := range m.owed {
		if n > 0 && !m.closing {
			m.violation("%d failures of %s were told to nobody", n, key)
		}
	}
	m.checkDone()
}

// untangle puts failures of one instant in the order of those who waited: they
// were told in order, but on goroutines that run as they like.
func (m *model) untangle(events []event) {
	slices.SortStableFunc(events, func(a, b event) int {
		if a.kind != "denied" || b.kind != "denied" || a.key != b.key || !a.at.Equal(b.at) {
			return a.at.Compare(b.at)
		}
		return a.get.seq - b.get.seq
	})
}

func (m *model) judge(e event) {
	switch e.kind {
	case "dialed":
		m.failing[e.key] = false
		m.idle = append(m.idle, &idleConn{conn: e.conn, since: e.at})
	case "failed":
		m.failing[e.key] = true
		if m.waitingFor(e.key)-m.owed[e.key] > e.n {
			m.owed[e.key]++
		}
	case "got":
		m.judgeGot(e)
	case "denied":
		m.judgeDenied(e)
	case "evicted":
		m.judgeEvicted(e)
	}
}

// judgeGot: the connection was idle, if only for no time, and at the right end
// of those; it was alive when it was taken; and nobody of the same key had
// waited longer.
func (m *model) judgeGot(e event) {
	g, c := e.get, e.conn
	if first := m.firstWaiting(g.key); first != g {
		m.violation("connection %d went to one who came later", c.id)
	}
	m.waiting = without(m.waiting, g)
	m.lent = append(m.lent, g)
	m.taken[g.key] = e.at
	i := slices.IndexFunc(m.idle, func(ic *idleConn) bool { return ic.conn == c })
	if i < 0 {
		m.violation("connection %d was lent and was not idle", c.id)
		return
	}
	if c.key != g.key {
		m.violation("connection %d of %s went to %s", c.id, c.key, g.key)
	}
	m.world.mu.Lock()
	closed, dead := c.closed, c.dead
	m.world.mu.Unlock()
	if closed || dead && m.idle[i].settled {
		m.violation("connection %d was lent: closed %v, dead %v", c.id, closed, dead)
	}
	if m.drained(c) {
		m.violation("connection %d was lent and is from before a Drain", c.id)
	}
	if lim := m.world.limits.uses; lim > 0 && g.conn.Uses() > lim {
		m.violation("connection %d was lent %d times", c.id, g.conn.Uses())
	}
	for j, other := range m.idle {
		if other.conn.key == g.key && (j > i) != m.world.limits.fifo && j != i {
			m.violation("connection %d was lent before %d", c.id, other.conn.id)
		}
	}
	m.idle = slices.Delete(m.idle, i, i+1)
}

func (m *model) drained(c *fakeConn) bool {
	m.world.mu.Lock()
	defer m.world.mu.Unlock()
	return c.drains != m.world.drains[c.key]
}

func (m *model) judgeDenied(e event) {
	switch {
	case errors.Is(e.err, context.Canceled) && e.get.cancelled:
	case errors.Is(e.err, connpool.ErrClosed) && m.closing:
	case m.failing[e.key]:
		var d *connpool.DialError
		if !errors.As(e.err, &d) || d.Key != any(e.key) || d.Retry.IsZero() {
			m.violation("Get failed with %v", e.err)
		}
		// A refusal may overtake those who wait for dials that were under way.
		if !errors.Is(e.err, connpool.ErrBroken) {
			if m.firstWaiting(e.key) != e.get {
				m.violation("a failure went to one who came later")
			}
			m.owed[e.key]--
		}
	default:
		m.violation("Get failed with %v", e.err)
	}
	m.waiting = without(m.waiting, e.get)
}

// judgeEvicted: there was a cause.
func (m *model) judgeEvicted(e event) {
	c, lim := e.conn, m.world.limits
	i := slices.IndexFunc(m.idle, func(ic *idleConn) bool { return ic.conn == c })
	var since time.Time
	if i >= 0 {
		since = m.idle[i].since
		m.idle = slices.Delete(m.idle, i, i+1)
	}
	ok := false
	switch e.cause {
	case connpool.CauseIdle:
		ok = i >= 0 && lim.idleTimeout > 0 && e.at.Equal(since.Add(lim.idleTimeout))
	case connpool.CauseLifetime:
		age := e.at.Sub(c.born)
		ok = i >= 0 && lim.lifetime > 0 && age >= lim.lifetime*9/10
	case connpool.CauseUses:
		ok = i >= 0 && lim.uses > 0
	case connpool.CauseCheck:
		ok = i >= 0 && errors.Is(e.err, errDead)
		m.stillborn[c.key] = true
	case connpool.CauseFull:
		perKey := 1
		for _, ic := range m.idle {
			if ic.conn.key == c.key {
				perKey++
			}
		}
		ok = i >= 0 && (len(m.idle)+1 > m.idleBound() || perKey > m.idlePerKeyBound())
	case connpool.CauseRoom:
		ok = i >= 0 && lim.open > 0
	case connpool.CauseDrained:
		ok = i >= 0 && m.drained(c)
	case connpool.CauseDiscarded:
		ok = i < 0
	case connpool.CauseClosed:
		ok = m.closing
	}
	if !ok {
		m.violation("connection %d, idle for %v, was evicted for %q", c.id, e.at.Sub(since), e.cause)
	}
}

func (m *model) idleBound() int { return bound(m.world.limits.idle, 1024) }

func (m *model) idlePerKeyBound() int { return bound(m.world.limits.idlePerKey, 64) }

func bound(n, zero int) int {
	if n == 0 {
		return zero
	}
	return max(n, 0)
}

// checkDone: nothing is left undone, and what the Pool says of itself is so.
func (m *model) checkDone() {
	s, lim, now := m.pool.Stats(), m.world.limits, time.Now()
	perKey, waiting := map[string]int{}, map[string]int{}
	for _, ic := range m.idle {
		perKey[ic.conn.key]++
		if m.drained(ic.conn) {
			m.violation("connection %d is idle and from before a Drain", ic.conn.id)
		}
		if lim.idleTimeout > 0 && now.Sub(ic.since) >= lim.idleTimeout {
			m.violation("connection %d has been idle for %v", ic.conn.id, now.Sub(ic.since))
		}
		if lim.lifetime > 0 && now.Sub(ic.conn.born) >= lim.lifetime {
			m.violation("connection %d has lived for %v", ic.conn.id, now.Sub(ic.conn.born))
		}
		m.world.mu.Lock()
		if ic.conn.closed {
			m.violationLocked("idle connection %d is closed", ic.conn.id)
		}
		m.world.mu.Unlock()
	}
	for _, g := range m.waiting {
		waiting[g.key]++
	}
	if len(m.idle) > m.idleBound() {
		m.violation("%d idle", len(m.idle))
	}
	open, dialing := map[string]int{}, 0
	m.world.mu.Lock()
	for _, c := range m.world.conns {
		if !c.closed && !c.hijacked {
			open[c.key]++
		}
	}
	for _, n := range m.world.dialing {
		dialing += n
	}
	perDial := map[string]int{"a": m.world.dialing["a"], "b": m.world.dialing["b"], "c": m.world.dialing["c"]}
	m.world.mu.Unlock()
	total := open["a"] + open["b"] + open["c"]
	if total != len(m.idle)+len(m.lent) {
		m.violation("%d open, but %d idle and %d lent", total, len(m.idle), len(m.lent))
	}
	if s.Open != total || s.Idle != len(m.idle) || s.Dialing != dialing || s.Waiting != len(m.waiting) {
		m.violation("Stats %d open, %d idle, %d dialing, %d waiting; want %d, %d, %d, %d",
			s.Open, s.Idle, s.Dialing, s.Waiting, total, len(m.idle), dialing, len(m.waiting))
	}
	keys := 0
	for _, key := range []string{"a", "b", "c"} {
		if n := perKey[key]; n > m.idlePerKeyBound() {
			m.violation("%d idle for %s", n, key)
		}
		if open[key]+perDial[key]+waiting[key]+m.warm[key] > 0 {
			keys++
		}
		full := lim.open > 0 && total+dialing >= lim.open
		dials := lim.dials
		if dials == 0 {
			dials = 64
		}
		if lim.open > 0 {
			dials = min(dials, max(1, lim.open/2))
		}
		may := !m.closing && !full && !m.failing[key] && perDial[key] < dials &&
			(lim.openPerKey == 0 || open[key]+perDial[key] < lim.openPerKey)
		// Within bounds on all keys a reserve may be late: it looks for room once
		// a second.
		if ready := perKey[key] + perDial[key] - waiting[key]; ready < m.warm[key] && may && !m.stillborn[key] && lim.open == 0 && lim.idle == 0 &&
			min(now.Sub(m.taken[key]), now.Sub(m.world.began[key])) >= connpool.ReservePause {
			m.violation("%d of %s are ready or being dialed, and %d should be", ready, key, m.warm[key])
		}
		if waiting[key] == 0 {
			continue
		}
		if perKey[key] > 0 {
			m.violation("%d wait for %s and %d are idle", waiting[key], key, perKey[key])
		}
		if may && perDial[key] < waiting[key] {
			m.violation("%d wait for %s, and %d are dialed", waiting[key], key, perDial[key])
		}
		if full && len(m.idle) > 0 && perDial[key] < min(waiting[key], dials) && !m.failing[key] &&
			(lim.openPerKey == 0 || open[key]+perDial[key] < lim.openPerKey) {
			m.violation("%s waits for room, and %d are idle", key, len(m.idle))
		}
	}
	if s.Keys < keys || s.Keys > keys+lim.keys {
		m.violation("%d keys are remembered, %d have something", s.Keys, keys)
	}
}

func (m *model) violationLocked(format string, args ...any) { m.world.violation(format, args...) }

// end closes the Pool, in order if nobody has a connection, and expects that
// nothing is left.
func (m *model) end() {
	m.closing, m.at = true, time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- m.pool.Close(ctx) }()
	synctest.Wait()
	for i, g := range slices.Clone(m.lent) {
		if i%2 == 0 {
			m.giveBack(g, "put")
			m.settle()
		}
	}
	m.settle()
	forced := len(m.lent) > 0
	cancel()
	if err := <-closed; (err != nil) != forced {
		m.violation("Close = %v with %d lent", err, len(m.lent))
	}
	for _, g := range m.lent {
		if err := g.conn.Put(); err != nil && !errors.Is(err, connpool.ErrClosed) {
			m.violation("Put after Close: %v", err)
		}
	}
	synctest.Wait()
	if _, err := m.pool.Get(context.Background(), "a"); !errors.Is(err, connpool.ErrClosed) {
		m.violation("Get after Close: %v", err)
	}
	if s := m.pool.Stats(); s.Open+s.Idle+s.Dialing+s.Waiting != 0 {
		m.violation("after Close: %+v", s)
	}
	m.world.mu.Lock()
	defer m.world.mu.Unlock()
	for _, c := range m.world.conns {
		if !c.closed && !c.hijacked {
			m.violationLocked("connection %d is still open", c.id)
		}
	}
}

func (m *model) waitingFor(key string) int {
	n := 0
	for _, g := range m.waiting {
		if g.key == key {
			n++
		}
	}
	return n
}

func (m *model) firstWaiting(key string) *getting {
	for _, g := range m.waiting {
		if g.key == key {
			return g
		}
	}
	return nil
}

func without(gs []*getting, g *getting) []*getting {
	return slices.DeleteFunc(slices.Clone(gs), func(other *getting) bool { return other == g })
}
