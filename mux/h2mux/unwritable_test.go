package h2mux_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// A deafConn is a connection whose peer does not read any more, once told so.
type deafConn struct {
	net.Conn
	deaf atomic.Bool
}

var errDeaf = errors.New("nobody reads")

func (c *deafConn) Write(p []byte) (int, error) {
	if c.deaf.Load() {
		return 0, errDeaf
	}
	return c.Conn.Write(p)
}

// TestUnwritable: when nothing can be sent any more, what the peer has said and
// still says is heard, and above all why. A peer that says nothing more ends the
// session by and by, with what the write has failed with.
func TestUnwritable(t *testing.T) {
	for _, says := range []string{"goaway", "data", "nothing"} {
		t.Run(says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := faultconn.Pair(1 << 20)
				conn := &deafConn{Conn: b}
				s, err := h2mux.Server(conn, h2mux.Config{KeepAlive: -1})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				p := speak(t, a)
				if _, err := io.WriteString(a, http2.ClientPreface); err != nil {
					t.Fatal(err)
				}
				p.check(p.framer.WriteSettings())
				p.connect(1)
				st, err := s.AcceptStream(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				conn.deaf.Store(true)
				began := time.Now()
				_, _ = st.Write([]byte("lost")) // it may be copied before it fails
				synctest.Wait()
				want := errDeaf
				switch says {
				case "goaway":
					p.check(p.framer.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, []byte("too loud")))
					p.check(a.Close())
					want = nil
				case "data":
					p.check(p.framer.WriteData(1, false, []byte("still here")))
					if got, err := io.ReadAll(io.LimitReader(st, 10)); string(got) != "still here" || err != nil {
						t.Errorf("Read = %q, %v", got, err)
					}
				}
				<-s.Done()
				e, ok := errors.AsType[*mux.SessionError](s.Err())
				if !ok || !e.Remote || want != nil && !errors.Is(e, want) || want == nil && (e.Code != mux.Calm || e.Reason != "too loud") {
					t.Errorf("Err = %v", s.Err())
				}
				if _, err := st.Write([]byte("x")); err == nil {
					t.Error("a Write after the end has not failed")
				}
				if took := time.Since(began); says == "goaway" && took > 0 || took > time.Second {
					t.Errorf("the end took %v", took)
				}
			})
		})
	}
}
