package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/bench/internal/link"
	"github.com/headrace-go/headrace/mux"
)

// withPool runs f with a Pool whose server is at the other end of the link.
// sessions are the server's, in the order in which they came.
func withPool(ctx context.Context, l *link.Link, t transport, most int, f func(p *mux.Pool, sessions func() []mux.Session) error) error {
	var mu sync.Mutex
	var taken []mux.Session
	dial, closeServer, err := t.listen(ctx, l, func(s mux.Session) {
		mu.Lock()
		taken = append(taken, s)
		mu.Unlock()
		serve(s)
	})
	if err != nil {
		return err
	}
	p, err := mux.NewPool(mux.PoolConfig{Dial: dial, MaxSessions: most})
	if err != nil {
		closeServer()
		return err
	}
	err = f(p, func() []mux.Session {
		mu.Lock()
		defer mu.Unlock()
		return append([]mux.Session(nil), taken...)
	})
	err = errors.Join(err, p.Close())
	closeServer()
	return err
}

// start opens a stream and says what it is for.
func start(ctx context.Context, p *mux.Pool, use mux.Use, want byte) (mux.Stream, error) {
	st, err := p.Open(ctx, use)
	if err != nil {
		return nil, err
	}
	if _, err := st.Write([]byte{want}); err != nil {
		_ = st.Close()
		return nil, err
	}
	return st, nil
}

// turn sends 64 bytes and waits until they are back.
func turn(st mux.Stream) error {
	var b [64]byte
	if _, err := st.Write(b[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(st, b[:])
	return err
}

// turns collects how long turns took, from when each was due.
type turns struct {
	mu    sync.Mutex
	times []time.Duration
	err   error
}

func (t *turns) add(due time.Time, err error) {
	took := time.Since(due)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.err = errors.Join(t.err, err)
		return
	}
	t.times = append(t.times, took)
}

// underBulk measures bulk and interactive streams beside each other.
func (o *options) underBulk(ctx context.Context, l *link.Link, t transport, sessions int) error {
	return withPool(ctx, l, t, sessions, func(p *mux.Pool, _ func() []mux.Session) error {
		stays, err := start(ctx, p, mux.Interactive, wantEcho)
		if err != nil {
			return err
		}
		if err := turn(stays); err != nil {
			return err
		}
		var received atomic.Int64
		var running sync.WaitGroup
		var bulk []mux.Stream
		for range o.bulk {
			st, err := start(ctx, p, mux.Bulk, wantBulk)
			if err != nil {
				return err
			}
			bulk = append(bulk, st)
			running.Go(func() {
				for b := make([]byte, 64<<10); ; {
					n, err := st.Read(b)
					received.Add(int64(n))
					if err != nil {
						return
					}
				}
			})
		}
		time.Sleep(o.warm)
		before, begin := received.Load(), time.Now()
		fresh, kept := &turns{}, &turns{}
		due := make(chan time.Time, 1<<16) // of what was sent on the stream that stays
		var talking sync.WaitGroup
		talking.Go(func() {
			for at := range due {
				_, err := io.ReadFull(stays, make([]byte, 64))
				kept.add(at, err)
			}
		})
		for at := begin; at.Sub(begin) < o.window && ctx.Err() == nil; at = at.Add(o.every) {
			time.Sleep(time.Until(at))
			due <- at
			if _, err := stays.Write(make([]byte, 64)); err != nil {
				return err
			}
			talking.Go(func() {
				st, err := start(ctx, p, mux.Interactive, wantEcho)
				if err == nil {
					err = turn(st)
					_ = st.Close()
				}
				fresh.add(at, err)
			})
		}
		close(due)
		rate := float64(received.Load()-before) / time.Since(begin).Seconds()
		talking.Wait()
		stats := p.Stats()
		for _, st := range bulk {
			_ = st.Reset(mux.Cancel)
		}
		running.Wait()
		if err := errors.Join(fresh.err, kept.err, stays.Close(), ctx.Err()); err != nil {
			return err
		}
		name := fmt.Sprintf("PoolLink/transport=%s/sessions=%d", t.name, sessions)
		line(name+"/streams=bulk", 1, rate/1e6, "MB/s", float64(stats.Sessions), "sessions")
		line(name+"/streams=new", len(fresh.times), quantile(fresh.times, 0.5), "p50-ns", quantile(fresh.times, 0.99), "p99-ns")
		line(name+"/streams=kept", len(kept.times), quantile(kept.times, 0.5), "p50-ns", quantile(kept.times, 0.99), "p99-ns")
		return nil
	})
}

// killed has one of four sessions end under many streams.
func (o *options) killed(ctx context.Context, l *link.Link, t transport) error {
	return withPool(ctx, l, t, 4, func(p *mux.Pool, sessions func() []mux.Session) error {
		// Bulk streams make the Pool take all the sessions that it may.
		var streams []mux.Stream
		for i := range o.kill {
			st, err := start(ctx, p, mux.Use(i%2), wantEcho)
			if err != nil {
				return err
			}
			streams = append(streams, st)
		}
		each := func(f func(mux.Stream) error) (failed int) {
			var mu sync.Mutex
			var all sync.WaitGroup
			for _, st := range streams {
				all.Go(func() {
					if f(st) != nil {
						mu.Lock()
						failed++
						mu.Unlock()
					}
				})
			}
			all.Wait()
			return failed
		}
		if failed := each(turn); failed > 0 {
			return fmt.Errorf("%d streams failed before a session was killed", failed)
		}
		all := sessions()
		if len(all) < 2 {
			return fmt.Errorf("there is %d session: none can be killed", len(all))
		}
		victim := all[len(all)-1]
		carried := victim.Load().Streams
		if err := victim.CloseWithError(mux.InternalError, "killed"); err != nil {
			return err
		}
		// New streams at once: the Pool may not know yet that a session has gone.
		opens, echoes := &turns{}, &turns{}
		var talking sync.WaitGroup
		for range 200 {
			begin := time.Now()
			st, err := p.Open(ctx, mux.Interactive)
			opens.add(begin, err)
			if err != nil {
				continue
			}
			talking.Go(func() {
				_, err := st.Write([]byte{wantEcho})
				if err == nil {
					err = turn(st)
				}
				_ = st.Close()
				echoes.add(begin, err)
			})
			time.Sleep(time.Millisecond)
		}
		talking.Wait()
		if opens.err != nil {
			return opens.err
		}
		lost := each(turn)
		_ = each(func(st mux.Stream) error { return st.Close() })
		opened := len(echoes.times)
		line(fmt.Sprintf("PoolKill/transport=%s/sessions=4", t.name), opened,
			float64(len(all)), "sessions", float64(carried), "killed-streams", float64(lost), "lost-streams", float64(200-opened), "failed-opens",
			quantile(opens.times, 1), "open-max-ns", quantile(echoes.times, 0.5), "p50-ns", quantile(echoes.times, 0.99), "p99-ns")
		return nil
	})
}
