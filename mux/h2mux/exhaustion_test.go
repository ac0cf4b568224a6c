package h2mux_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// TestIDsRunOut: a session says how many streams are left, ends to open any
// before a number could come twice, and carries those that are open on. The
// streams that nobody has seen yet count: they are promised a number.
func TestIDsRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := faultconn.Pair(0)
		client, server := sessions(t, a, b, h2mux.Config{KeepAlive: -1})
		synctest.Wait()
		const left = 5
		client.SetNextID(1<<31 - 1 - 2*(left-1))
		go func() {
			for {
				st, err := server.AcceptStream(context.Background())
				if err != nil {
					return
				}
				go func() {
					io.Copy(st, st)
					st.Close()
				}()
			}
		}()
		var streams []*h2mux.Stream
		for i := range left {
			l := client.Load()
			if l.Left != int64(left-i) || l.Draining {
				t.Errorf("with %d left: %+v", left-i, l)
			}
			st, err := client.OpenRequest(context.Background(), h2mux.Request{})
			if err != nil {
				t.Fatalf("with %d left: %v", left-i, err)
			}
			streams = append(streams, st)
			if i%2 == 0 { // the others are shown at the end
				exchange(t, st, "seen")
			}
		}
		if l := client.Load(); l.Left != 0 || !l.Draining {
			t.Errorf("with none left: %+v", l)
		}
		_, err := client.OpenRequest(context.Background(), h2mux.Request{})
		if !errors.Is(err, mux.ErrDraining) || !mux.Unprocessed(err) {
			t.Errorf("OpenRequest: %v, want ErrDraining", err)
		}
		ids := map[uint32]bool{}
		for i := len(streams) - 1; i >= 0; i-- {
			exchange(t, streams[i], "there and back")
			id := streams[i].ID()
			if ids[id] || id%2 == 0 || id > 1<<31-1 || id < 1<<31-1-2*(left-1) {
				t.Errorf("stream %d has the number %d", i, id)
			}
			ids[id] = true
		}
		for _, st := range streams {
			if err := st.CloseWrite(); err != nil {
				t.Error(err)
			}
			if rest, err := io.ReadAll(st); len(rest) > 0 || err != nil {
				t.Errorf("%d bytes more, %v", len(rest), err)
			}
			st.Close()
		}
		if err := client.Err(); err != nil {
			t.Errorf("the session: %v", err)
		}
		if err := client.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// exchange sends s there and back.
func exchange(t *testing.T, st *h2mux.Stream, s string) {
	t.Helper()
	if _, err := st.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(s))
	if _, err := io.ReadFull(st, got); err != nil || string(got) != s {
		t.Fatalf("got %q, %v, want %q", got, err, s)
	}
}

// TestIDGivenBack: a stream that is closed before its peer has seen it does not
// use a number up.
func TestIDGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, client := newServer(t, h2mux.Config{KeepAlive: -1})
		client.SetNextID(1<<31 - 1)
		for range 3 {
			st, err := client.OpenRequest(context.Background(), h2mux.Request{})
			if err != nil {
				t.Fatal(err)
			}
			if l := client.Load(); l.Left != 0 {
				t.Errorf("while the last one is open: %+v", l)
			}
			st.Close()
		}
		if l := client.Load(); l.Left != 1 || l.Draining {
			t.Errorf("when it was closed unseen: %+v", l)
		}
		synctest.Wait()
		if n := len(p.turns()); n != 0 {
			t.Errorf("%d frames of DATA", n)
		}
	})
}
