package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/summerwind/h2spec/client"
	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"

	"github.com/headrace-go/headrace/mux/h2mux"
)

// patience is how long h2spec waits for what it expects. Some cases expect
// nothing, and take that long.
const patience = time.Second

// short16K are the cases that take for granted that no frame may be longer than
// 16 KiB. On sockets we let the peer send longer ones, so there they cannot
// pass; on any other connection they have to.
var short16K = map[string]bool{"http2/4.2/3": true, "client/4.2/5": true, "client/4.2/6": true}

// plain hides the socket.
type plain struct{ net.Conn }

func asSocket(c net.Conn) net.Conn { return c }
func asPlain(c net.Conn) net.Conn  { return plain{c} }

func skip16K(t *testing.T, id string, socket bool) {
	if socket && short16K[id] {
		t.Skip("it expects 16 KiB frames to be the longest")
	}
}

// TestServer runs h2spec's server cases, the strict ones too.
func TestServer(t *testing.T) {
	t.Run("socket", func(t *testing.T) { testServer(t, asSocket, true) })
	t.Run("plain", func(t *testing.T) { testServer(t, asPlain, false) })
}

func testServer(t *testing.T, as func(net.Conn) net.Conn, socket bool) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var sessions sync.WaitGroup
	over := make(chan struct{})
	sessions.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			s, err := h2mux.Server(as(c), h2mux.Config{Handler: answer})
			if err != nil {
				t.Error(err)
				return
			}
			sessions.Go(func() {
				select {
				case <-s.Done():
				case <-over: // h2spec leaves some connections open
					s.Close()
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		close(over)
		sessions.Wait()
	})
	address := listener.Addr().(*net.TCPAddr)
	cfg := &config.Config{
		Host: "127.0.0.1", Port: address.Port, Path: "/", Timeout: patience, MaxHeaderLen: 4000, Strict: true,
	}
	for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		runServer(t, cfg, group, socket)
	}
}

// answer is what h2spec expects of a server: it reads the request, and answers
// with some bytes.
func answer(st *h2mux.Stream) {
	if _, err := io.Copy(io.Discard, st); err != nil {
		return
	}
	if err := st.Respond(200, h2mux.Field{Name: "content-type", Value: "text/plain"}); err != nil {
		return
	}
	_, _ = st.Write([]byte("headrace answers\n")) // the peer may have left
}

func runServer(t *testing.T, cfg *config.Config, group *spec.TestGroup, socket bool) {
	for i, test := range append(group.Tests, group.StrictTests...) {
		id := fmt.Sprintf("%s/%d", group.ID(), i+1)
		t.Run(id, func(t *testing.T) {
			skip16K(t, id, socket)
			t.Parallel()
			conn, err := spec.Dial(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			judge(t, test.Desc, test.Requirement, test.Run(cfg, conn))
		})
	}
	for _, g := range group.Groups {
		runServer(t, cfg, g, socket)
	}
}

// judge reports the result of a case.
func judge(t *testing.T, what, requirement string, err error) {
	if errors.Is(err, spec.ErrSkipped) {
		t.Skip("h2spec has skipped it")
	}
	if err != nil {
		t.Errorf("%s: %v\n%s", what, err, requirement)
	}
}

// TestClient runs h2spec's client cases: its server on one end, a client that
// makes one request on the other.
func TestClient(t *testing.T) {
	t.Run("socket", func(t *testing.T) { testClient(t, asSocket, true) })
	t.Run("plain", func(t *testing.T) { testClient(t, asPlain, false) })
}

func testClient(t *testing.T, as func(net.Conn) net.Conn, socket bool) {
	cfg := &config.Config{Host: "127.0.0.1", Path: "/", Timeout: patience, MaxHeaderLen: 4000, Strict: true}
	tests := make(map[int]*spec.ClientTestCase)
	client.Spec().ClientTestCases(tests, cfg, 0)
	if len(tests) == 0 {
		t.Fatal("h2spec has no client cases")
	}
	for i := range len(tests) {
		test := tests[i]
		id := fmt.Sprintf("%s/%d", test.Parent.ID(), i)
		t.Run(id, func(t *testing.T) {
			skip16K(t, id, socket)
			t.Parallel()
			near, far := sockets(t)
			s, err := h2mux.Client(as(near), h2mux.Config{})
			if err != nil {
				t.Fatal(err)
			}
			var request sync.WaitGroup
			request.Go(func() { get(s) })
			conn, err := spec.Accept(cfg, far)
			if err != nil {
				t.Fatal(err)
			}
			judge(t, test.Desc, test.Requirement, test.Run(cfg, conn))
			conn.Close()
			s.Close()
			request.Wait()
		})
	}
}

// get makes a request and reads the answer, whatever that is.
func get(s *h2mux.Session) {
	st, err := s.OpenRequest(context.Background(), h2mux.Request{Method: "GET", Authority: "127.0.0.1"})
	if err != nil {
		return
	}
	defer st.Close()
	if st.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, st)
	}
	<-s.Done()
}

func sockets(t *testing.T) (near, far net.Conn) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if near, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}
