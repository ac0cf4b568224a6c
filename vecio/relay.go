package vecio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/peel"
)

// Defaults of RelayConfig.
const (
	DefaultIdleTimeout = 5 * time.Minute
	DefaultLinger      = 30 * time.Second
)

// RelayConfig configures a relay. The zero value works.
type RelayConfig struct {
	// IdleTimeout ends a relay in which no byte has moved, in either
	// direction, for this long. Zero means 5 minutes. Negative means never.
	IdleTimeout time.Duration
	// Linger takes IdleTimeout's place, where it is shorter, once one
	// direction has reached its end of stream. Zero means 30 seconds.
	// Negative means that IdleTimeout goes on to hold.
	Linger time.Duration
	// MaxBurst is the most that one read takes, in bytes: a multiple of 16
	// KiB. Zero means 512 KiB.
	MaxBurst int
	// Pool lends the buffers; it must be safe for concurrent use. Nil means
	// the process-wide slab.
	Pool interface {
		Get(n int) []byte
		Put(b []byte)
	}
	// Budget grants bursts beyond 4 KiB; a refusal means that the relay goes
	// on with less. Nil means one of 4 MiB for the whole process.
	Budget interface {
		TryReserve(n int) bool
		Release(n int)
	}
	// Meter counts the bytes while they move, and limits their rate. Nil
	// means no limit, and no count but the one in RelayStats.
	Meter *Meter
	// Parker takes over the relay while it is idle. Nil means that an idle
	// relay keeps its goroutines.
	Parker *Parker
	// ParkAfter is how long the relay must be idle for that. Zero means 5
	// seconds; negative is refused.
	ParkAfter time.Duration
	// NoSplice keeps bulk flows between two sockets from going through a
	// pipe in the kernel.
	NoSplice bool

	portable bool // take no raw path, for tests
}

func (cfg *RelayConfig) normalize() error {
	switch {
	case cfg.MaxBurst == 0:
		cfg.MaxBurst = growth.Max
	case cfg.MaxBurst < 0 || cfg.MaxBurst%growth.Floor != 0:
		return fmt.Errorf("vecio: RelayConfig.MaxBurst %d is not a multiple of 16 KiB", cfg.MaxBurst)
	}
	if cfg.ParkAfter < 0 {
		return fmt.Errorf("vecio: RelayConfig.ParkAfter %v is negative", cfg.ParkAfter)
	}
	if cfg.ParkAfter == 0 {
		cfg.ParkAfter = DefaultParkAfter
	}
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = DefaultIdleTimeout
	}
	if cfg.Linger == 0 {
		cfg.Linger = DefaultLinger
	}
	return nil
}

// RelayStats tells what a relay did.
type RelayStats struct {
	AToB, BToA FlowStats
	Duration   time.Duration
}

// FlowStats tells what one direction of a relay did.
type FlowStats struct {
	// Bytes were accepted by the destination.
	Bytes int64
	// Spliced is how many of them never came to user space.
	Spliced int64
	// End is io.EOF after a clean end of stream that was handed on to the
	// destination, and otherwise what cut the flow.
	End error
}

// Relay moves bytes between a and b, both ways, until both directions have
// ended, and returns what it did. It is Start, and waits.
//
// An error that Start would return leaves a and b to the caller; after any
// other they are closed.
func Relay(ctx context.Context, a, b net.Conn, cfg RelayConfig) (RelayStats, error) {
	var (
		stats RelayStats
		err   error
		ended = make(chan struct{})
	)
	startErr := Start(ctx, a, b, cfg, func(s RelayStats, e error) {
		stats, err = s, e
		close(ended)
	})
	if startErr != nil {
		return RelayStats{}, startErr
	}
	<-ended
	return stats, err
}

// Start begins to move bytes between a and b, both ways, and returns at once.
// The relay owns a and b from then on, closes both when it ends, and then
// calls done once, unless it is nil, from a goroutine of its own. Start fails,
// and leaves a and b to the caller, only if cfg makes no sense or ctx is done.
//
// An end of stream is handed on by CloseWrite, and the other direction goes
// on. To a connection without CloseWrite it cannot be handed on before the
// relay's end. The relay's error is nil if both directions reached their end
// of stream, ErrIdle after a timeout, ctx's cause after ctx was done, or else
// an *EndError. A relay that ends with bytes undelivered aborts both
// connections, by Abort() error where they have it or a TCP reset, so that
// neither peer takes the truncated stream for a whole one.
//
// The relay runs in two goroutines, or none while cfg.Parker has it. While a
// direction is idle it holds no buffer if its source is a *net.TCPConn or a
// *net.UnixConn, through wrappers with TransparentConn also, or has Step and
// Ready; over any other source it holds 4 KiB, and its goroutine. A busy
// direction holds 4 KiB, and more, up to cfg.MaxBurst, while its reads come back
// full and cfg.Budget grants it. What its destination does not take is all that
// it holds meanwhile, and it begins small again (TestStuckRelayHoldsLittle).
func Start(ctx context.Context, a, b net.Conn, cfg RelayConfig, done func(RelayStats, error)) error {
	if err := cfg.normalize(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r := &relay{cfg: cfg, ends: [2]net.Conn{a, b}, start: time.Now(), done: done, cut: make(chan struct{})}
	r.flows[A].init(r, A)
	r.flows[B].init(r, B)
	relays.enter()
	r.mu.Lock() // the timer's function must see the timer
	r.setTimerLocked()
	r.mu.Unlock()
	r.stopCtx = context.AfterFunc(ctx, func() { r.fail(context.Cause(ctx)) })
	go r.flows[A].run()
	go r.flows[B].run()
	return nil
}

// A relay is two flows and what they share.
type relay struct {
	cfg     RelayConfig
	ends    [2]net.Conn
	flows   [2]flow
	start   time.Time
	last    atomic.Int64 // when a byte last moved, in nanoseconds after start
	stopCtx func() bool
	done    func(RelayStats, error)

	mu    sync.Mutex
	timer *time.Timer
	ended int           // flows that have returned
	err   error         // what cut the relay; nil while nothing did
	cut   chan struct{} // closed when err is set

	closing sync.WaitGroup // the closes that a cut makes

	// parking is held in flow.park. The goroutine that unpark starts may want to
	// park while the last one has not yet taken its watch back: a socket has one,
	// and it would be the new one that is taken back, or the old one that stays.
	parking sync.Mutex
}

// touch notes that bytes have moved.
func (r *relay) touch() { r.last.Store(int64(time.Since(r.start))) }

// pause lets time go by, which does not count as idle, or the relay be cut.
func (r *relay) pause(d time.Duration) {
	r.last.Store(int64(time.Since(r.start) + d))
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.cut:
	}
}

// timeout is how long the relay may be idle now; not positive means for ever.
func (r *relay) timeout() time.Duration {
	d := r.cfg.IdleTimeout
	if l := r.cfg.Linger; l > 0 && r.ended > 0 && (d <= 0 || l < d) {
		d = l
	}
	return d
}

// nextCheck is when a relay that has been idle for so long must be looked at
// again, if at all.
func (r *relay) nextCheck(idle time.Duration) (in time.Duration, ok bool) {
	if d := r.timeout(); d > 0 {
		in, ok = d-idle, true
	}
	if park := r.cfg.ParkAfter - idle; r.cfg.Parker != nil && park > 0 && (!ok || park < in) {
		in, ok = park, true
	}
	return in, ok
}

// setTimerLocked starts the timer for a relay in which a byte has moved now.
func (r *relay) setTimerLocked() {
	d, ok := r.nextCheck(0)
	switch {
	case !ok:
	case r.timer == nil:
		r.timer = time.AfterFunc(d, r.checkIdle)
	default:
		r.timer.Reset(d)
	}
}

// checkIdle is the timer's function. It cuts the relay or asks it to park, and
// sleeps until there may be a reason to do more.
func (r *relay) checkIdle() {
	r.mu.Lock()
	if r.err != nil || r.ended == 2 {
		r.mu.Unlock()
		return
	}
	idle := time.Since(r.start) - time.Duration(r.last.Load())
	d := r.timeout()
	cut := d > 0 && idle >= d
	park := !cut && r.cfg.Parker != nil && idle >= r.cfg.ParkAfter
	if in, ok := r.nextCheck(idle); ok && !cut {
		r.timer.Reset(in)
	}
	r.mu.Unlock()
	switch {
	case cut:
		r.fail(ErrIdle)
	case park:
		a, b := r.flows[A].kick(), r.flows[B].kick()
		if !a || !b {
			r.expectIdle() // one was at work, though no byte moved
		}
	}
}

// expectIdle has an unparked relay looked at again when it may park.
func (r *relay) expectIdle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil || r.ended == 2 {
		return
	}
	in := r.cfg.ParkAfter
	if d := r.timeout(); d > 0 {
		in = min(in, d-time.Since(r.start)+time.Duration(r.last.Load()))
	}
	r.timer.Reset(in)
}

// fail cuts the relay, for the first cause it is told.
func (r *relay) fail(cause error) {
	r.mu.Lock()
	first := r.err == nil && r.ended < 2
	if first {
		r.err = cause
		close(r.cut)
		r.closing.Add(1) // before the flows can end: the last one waits
	}
	r.mu.Unlock()
	if !first {
		return
	}
	lost := !errors.Is(cause, ErrIdle) || r.flows[A].holding.Load() || r.flows[B].holding.Load()
	for _, c := range r.ends {
		if lost {
			_ = peel.Abort(c)
		} else {
			_ = c.Close()
		}
	}
	r.closing.Done()
	r.flows[A].unpark()
	r.flows[B].unpark()
}

// finish is the last act of a flow. A nil err is a clean end of stream.
func (r *relay) finish(f *flow, err error) {
	if err == nil {
		err = closeWrite(r.ends[1-f.from])
		if err != nil {
			err = &EndError{End: 1 - f.from, Op: "write", Err: err}
		}
	}
	if err != nil {
		r.fail(err)
	}
	r.touch() // the linger time begins

	r.mu.Lock()
	f.stats.End = io.EOF
	if err != nil {
		f.stats.End = r.err // the cause, not the closed connection that it led to
	}
	r.ended++
	last := r.ended == 2
	err = r.err
	switch {
	case last && r.timer != nil:
		r.timer.Stop()
	case !last:
		r.setTimerLocked()
	}
	r.mu.Unlock()
	if !last {
		return
	}

	r.stopCtx()
	if err == nil {
		_ = r.ends[A].Close()
		_ = r.ends[B].Close()
	}
	r.closing.Wait()
	relays.leave()
	if r.done != nil {
		r.done(RelayStats{
			AToB:     r.flows[A].stats,
			BToA:     r.flows[B].stats,
			Duration: time.Since(r.start),
		}, err)
	}
}

type closeWriter interface{ CloseWrite() error }

// closeWriterOf returns c, or the socket under it if c is a transparent
// wrapper that hides CloseWrite.
func closeWriterOf(c net.Conn) (closeWriter, bool) {
	if cw, ok := c.(closeWriter); ok {
		return cw, true
	}
	p, ok := peel.Stream(c)
	if !ok {
		return nil, false
	}
	cw, ok := p.Conn.(closeWriter)
	return cw, ok
}

// closeWrite hands an end of stream on. A connection that cannot take it, or
// whose peer is gone with nothing left to be said to it, is no failure.
func closeWrite(c net.Conn) error {
	cw, ok := closeWriterOf(c)
	if !ok {
		return nil
	}
	err := cw.CloseWrite()
	if errors.Is(err, errNotConnected) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
