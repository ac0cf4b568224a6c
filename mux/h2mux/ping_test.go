package h2mux_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// TestPing: either side learns that the other one is there, over any number of
// calls at a time, and no call outlives its context or the session.
func TestPing(t *testing.T) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			a, b := tr.dial(t)
			client, server := sessions(t, a, b, h2mux.Config{})
			for _, s := range []*h2mux.Session{client, server} {
				errs := make(chan error)
				for range 10 {
					go func() {
						took, err := s.Ping(t.Context())
						if err == nil && took <= 0 {
							err = errors.New("no time has passed")
						}
						errs <- err
					}()
				}
				for range 10 {
					if err := <-errs; err != nil {
						t.Errorf("Ping: %v", err)
					}
				}
				if s.Load().RTT <= 0 {
					t.Error("RTT was measured, and is 0")
				}
			}
			gone := errors.New("gone")
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(gone)
			if _, err := client.Ping(ctx); err != gone {
				t.Errorf("Ping = %v, want the context's cause", err)
			}
			if err := client.Close(); err != nil {
				t.Error(err)
			}
			if _, err := client.Ping(t.Context()); !errors.Is(err, mux.ErrClosed) {
				t.Errorf("Ping of a closed session = %v", err)
			}
		})
	}
}

// TestPingSilent: a peer that does not answer ends the call with its context,
// which mux.Pool takes as a reason to give the session up; the end of the
// session ends it as well.
func TestPingSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := faultconn.Pair(1 << 20)
		s, err := h2mux.Client(a, h2mux.Config{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Ping = %v, want the deadline", err)
		}
		ended := make(chan error)
		go func() {
			_, err := s.Ping(context.Background())
			ended <- err
		}()
		synctest.Wait()
		s.Close()
		if err := <-ended; !errors.Is(err, mux.ErrClosed) {
			t.Errorf("Ping when the session was closed = %v", err)
		}
		b.Close()
	})
}

// TestLoadBytes: what streams carry is counted, on both sides and both ways.
func TestLoadBytes(t *testing.T) {
	a, b := faultconn.Pair(0)
	client, server := sessions(t, a, b, h2mux.Config{})
	st, err := client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	far, err := server.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(far, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Write(make([]byte, 234)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(st, make([]byte, 234)); err != nil {
		t.Fatal(err)
	}
	if c, s := client.Load().Bytes, server.Load().Bytes; c != 1234 || s != 1234 {
		t.Errorf("Load().Bytes = %d and %d, want 1234", c, s)
	}
}
