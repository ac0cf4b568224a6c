package link

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"
)

const (
	checkConnects = 5
	checkWarmUp   = 700 * time.Millisecond // TCP needs a few dozen round trips to find its rate
	checkWindow   = time.Second
	checkStall    = 10 * time.Second
)

// Measurement is what bare TCP sees of the link.
type Measurement struct {
	// RoundTrip is the shortest of a few connects: twice the delay, plus how late
	// the machine wakes the bridge.
	RoundTrip time.Duration `json:"round_trip_ns"`
	// Up and Down are the payload bits per second of one connection that has
	// warmed up. With full packets, headers take 3.5 % of the link's rate.
	Up   float64 `json:"up_bits_per_second"`
	Down float64 `json:"down_bits_per_second"`
}

// Check measures the link, which takes about four seconds, and returns an error
// that matches ErrVoid if something crossed it sooner than it can: a connect in
// less than a round trip, or more bytes than the rate allows. A link that the
// load of the machine makes slower than it should be is no error: the
// Measurement tells.
func (l *Link) Check(ctx context.Context) (m Measurement, err error) {
	ln, err := l.Listen(ctx, Server, "tcp", netip.AddrPortFrom(l.Addr(Server), 0).String())
	if err != nil {
		return m, fmt.Errorf("link: check: %w", err)
	}
	defer ln.Close()
	defer context.AfterFunc(ctx, func() { ln.Close() })()

	for range checkConnects {
		p, err := l.connect(ctx, ln)
		if err != nil {
			return m, err
		}
		p.close()
		if m.RoundTrip == 0 || p.took < m.RoundTrip {
			m.RoundTrip = p.took
		}
	}
	if floor := 2 * l.shape.Delay; m.RoundTrip < floor {
		return m, fmt.Errorf("%w: a connect took %v, a round trip takes %v", ErrVoid, m.RoundTrip, floor)
	}
	for _, way := range []struct {
		rate *float64
		from Side
	}{{&m.Up, Client}, {&m.Down, Server}} {
		p, err := l.connect(ctx, ln)
		if err != nil {
			return m, err
		}
		*way.rate, err = p.transfer(ctx, way.from, float64(l.shape.Rate))
		p.close()
		if err != nil {
			return m, err
		}
	}
	return m, nil
}

// pair is a TCP connection over the link: both of its ends.
type pair struct {
	conns   [2]net.Conn
	dialled time.Time
	took    time.Duration
}

func (l *Link) connect(ctx context.Context, ln net.Listener) (*pair, error) {
	p := new(pair)
	err := l.Do(Client, func() (err error) {
		p.dialled = time.Now()
		p.conns[Client], err = new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
		p.took = time.Since(p.dialled)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("link: check: %w", err)
	}
	if p.conns[Server], err = ln.Accept(); err != nil {
		p.conns[Client].Close()
		return nil, fmt.Errorf("link: check: %w", err)
	}
	return p, nil
}

func (p *pair) close() {
	for _, c := range p.conns {
		c.Close()
	}
}

// transfer sends as fast as it goes from one side to the other, and returns the
// rate at which bytes arrive after the warm-up.
func (p *pair) transfer(ctx context.Context, from Side, bound float64) (float64, error) {
	source, sink := p.conns[from], p.conns[1-from]
	defer context.AfterFunc(ctx, func() { p.close() })()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		buf := make([]byte, 128<<10)
		for {
			if _, err := source.Write(buf); err != nil {
				return // the end: whoever reads has closed it, or says what is wrong
			}
		}
	}()
	defer func() { p.close(); <-sent }()

	var total, warm int64
	var warmAt time.Time
	buf := make([]byte, 256<<10)
	for {
		if err := sink.SetReadDeadline(time.Now().Add(checkStall)); err != nil {
			return 0, fmt.Errorf("link: check: %w", err)
		}
		n, err := sink.Read(buf)
		if err != nil {
			return 0, fmt.Errorf("link: check: transfer from the %v: %w", from, err)
		}
		total += int64(n)
		now := time.Now()
		// Counted from before the connection was there, so that no hiccup of this
		// goroutine can make an honest link look fast.
		if rate := bits(total, now.Sub(p.dialled)); rate > bound {
			return rate, fmt.Errorf("%w: %.0f bit/s from the %v, on a link of %.0f", ErrVoid, rate, from, bound)
		}
		switch {
		case warmAt.IsZero() && now.Sub(p.dialled) >= checkWarmUp:
			warm, warmAt = total, now
		case !warmAt.IsZero() && now.Sub(warmAt) >= checkWindow:
			return bits(total-warm, now.Sub(warmAt)), nil
		}
	}
}

// bits returns bytes per d as bits per second.
func bits(bytes int64, d time.Duration) float64 { return float64(bytes) * 8 / d.Seconds() }
