package serve_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/examples/internal/serve"
)

// A fakeListener accepts what the test gives it: errors or connections.
type fakeListener struct {
	incoming chan any
	accepted []time.Duration // when Accept was called, after start
	start    time.Time
	closed   chan struct{}
}

func newFakeListener() *fakeListener {
	return &fakeListener{incoming: make(chan any, 16), start: time.Now(), closed: make(chan struct{})}
}

func (l *fakeListener) Accept() (net.Conn, error) {
	l.accepted = append(l.accepted, time.Since(l.start))
	select {
	case in := <-l.incoming:
		if err, ok := in.(error); ok {
			return nil, err
		}
		return in.(net.Conn), nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *fakeListener) Close() error   { close(l.closed); return nil }
func (l *fakeListener) Addr() net.Addr { return &net.TCPAddr{} }

// A stream is a net.Pipe end that notes its half-close.
type stream struct {
	net.Conn
	halfClosed bool
}

func (s *stream) CloseWrite() error { s.halfClosed = true; return nil }

// serveFake serves cfg on a fake listener, inside a bubble, until the bubble's
// function calls stop.
func serveFake(t *testing.T, cfg serve.Config) (s *serve.Server, ln *fakeListener, stop func()) {
	s, ln = serve.New(cfg), newFakeListener()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	return s, ln, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}

func TestAcceptBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged lineLog
		_, ln, stop := serveFake(t, serve.Config{
			Log:  logged.logger(),
			Open: func(context.Context, net.Conn) (a, b net.Conn, err error) { return nil, nil, io.EOF },
		})
		exhausted := errors.New("too many open files")
		for range 10 {
			ln.incoming <- exhausted
		}
		near, far := net.Pipe()
		ln.incoming <- near
		ln.incoming <- exhausted
		ms := func(ns ...int) (d []time.Duration) {
			for _, n := range ns {
				d = append(d, time.Duration(n)*time.Millisecond)
			}
			return d
		}
		// Doubling up to a second, and from the start again after a success.
		want := ms(0, 5, 15, 35, 75, 155, 315, 635, 1275, 2275, 3275, 3275, 3280)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if !slices.Equal(ln.accepted, want) {
			t.Errorf("Accept was called at %v, want %v", ln.accepted, want)
		}
		if err := far.Close(); err != nil {
			t.Error(err)
		}
		ln.incoming <- exhausted
		synctest.Wait() // the end finds it waiting for the next try
		stop()
		if got, want := len(logged.lines()), 13; got != want {
			t.Errorf("logged %d lines, want %d: %q", got, want, logged.lines())
		}
	})
}

// What becomes of a client whose opening failed at 3 seconds of 10.
func TestFailedOpening(t *testing.T) {
	cause := errors.New("not this way")
	for _, tt := range []struct {
		name       string
		err        error
		halfClosed bool
	}{
		{"refused", cause, true},
		{"unanswered", serve.Unanswered(cause), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, hangUp := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) {
					var logged lineLog
					_, ln, stop := serveFake(t, serve.Config{
						OpenTimeout: 10 * time.Second,
						Log:         logged.logger(),
						Open: func(context.Context, net.Conn) (a, b net.Conn, err error) {
							time.Sleep(3 * time.Second)
							return nil, nil, tt.err
						},
					})
					near, far := net.Pipe()
					client := &stream{Conn: near}
					ln.incoming <- client
					time.Sleep(4 * time.Second)
					synctest.Wait()
					if client.halfClosed != tt.halfClosed {
						t.Errorf("half-closed = %v, want %v", client.halfClosed, tt.halfClosed)
					}
					if got := logged.lines(); len(got) != 1 || got[0] != "pipe: "+cause.Error() {
						t.Errorf("logged %q, want one line, at once", got)
					}
					if _, err := far.Write(make([]byte, 100)); err != nil { // a pipe's write is over when it was read
						t.Errorf("the server does not read on: %v", err)
					}
					if hangUp {
						if err := far.Close(); err != nil {
							t.Error(err)
						}
						synctest.Wait()
						if _, err := near.Write(nil); !errors.Is(err, io.ErrClosedPipe) {
							t.Errorf("the client hung up, the server did not")
						}
					} else {
						time.Sleep(6*time.Second - time.Nanosecond)
						synctest.Wait()
						if err := far.SetReadDeadline(time.Now()); err != nil {
							t.Fatal(err)
						}
						if _, err := far.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
							t.Errorf("1 ns before OpenTimeout: %v, want an open connection", err)
						}
						if err := far.SetReadDeadline(time.Time{}); err != nil {
							t.Fatal(err)
						}
						time.Sleep(time.Nanosecond)
						if _, err := far.Read(make([]byte, 1)); err != io.EOF {
							t.Errorf("at OpenTimeout: %v, want %v", err, io.EOF)
						}
					}
					stop()
				})
			}
		})
	}
}

// A client that says nothing is closed at OpenTimeout, by whatever Open waits.
func TestOpenTimeout(t *testing.T) {
	for _, tt := range []struct {
		name string
		open func(context.Context, net.Conn) (a, b net.Conn, err error)
	}{
		{"reading", func(_ context.Context, client net.Conn) (a, b net.Conn, err error) {
			_, err = client.Read(make([]byte, 1))
			return nil, nil, err
		}},
		{"dialing", func(ctx context.Context, _ net.Conn) (a, b net.Conn, err error) {
			<-ctx.Done()
			return nil, nil, ctx.Err()
		}},
		{"too late", func(ctx context.Context, client net.Conn) (a, b net.Conn, err error) {
			<-ctx.Done()
			synctest.Wait() // the server has given up, too
			b, _ = net.Pipe()
			return client, b, nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged lineLog
				_, ln, stop := serveFake(t, serve.Config{Open: tt.open, Log: logged.logger()})
				near, far := net.Pipe()
				ln.incoming <- near
				begin := time.Now()
				if _, err := far.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("read %v, want %v", err, io.EOF)
				}
				if got := time.Since(begin); got != serve.DefaultOpenTimeout {
					t.Errorf("closed after %v, want %v", got, serve.DefaultOpenTimeout)
				}
				stop()
				if got := logged.lines(); len(got) != 1 || got[0] == "" {
					t.Errorf("logged %q, want one line", got)
				}
			})
		})
	}
}

// A relay that is idle ends without a word in the log, unless the layer on the
// client's side had hidden a failure until then.
func TestIdle(t *testing.T) {
	hidden := errors.New("hidden until the end")
	for _, tt := range []struct {
		failure error
		want    string
		stats   serve.Stats
	}{
		{nil, "", serve.Stats{Accepted: 1, Idle: 1}},
		{hidden, "pipe -> pipe: " + hidden.Error(), serve.Stats{Accepted: 1, Cut: 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var logged lineLog
			target, origin := net.Pipe()
			cfg := serve.Config{
				Log: logged.logger(),
				Open: func(_ context.Context, client net.Conn) (a, b net.Conn, err error) {
					return &layer{client, tt.failure}, target, nil
				},
			}
			cfg.Relay.IdleTimeout = time.Hour
			s, ln, stop := serveFake(t, cfg)
			near, far := net.Pipe()
			ln.incoming <- near
			begin := time.Now()
			for _, c := range []net.Conn{far, origin} {
				if _, err := c.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("read %v, want %v", err, io.EOF)
				}
			}
			if got := time.Since(begin); got != time.Hour {
				t.Errorf("ended after %v, want an hour", got)
			}
			synctest.Wait()
			if got := logged.lines(); len(got) != 1 || got[0] != tt.want {
				t.Errorf("logged %q, want %q", got, tt.want)
			}
			if got := s.Stats(); got != tt.stats {
				t.Errorf("Stats() = %+v, want %+v", got, tt.stats)
			}
			stop()
		})
	}
}

// A layer may have a failure that its reads and writes do not tell of.
type layer struct {
	net.Conn
	failure error
}

func (l *layer) Failure() error { return l.failure }
