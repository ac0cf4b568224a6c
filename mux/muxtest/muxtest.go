package muxtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/headrace-go/headrace/mux"
)

// A Pair makes the two sides of a new session. The first one opens streams, at
// least 1000 at a time, and the other accepts them. Both are closed by the test.
type Pair func(t *testing.T) (opener, accepter mux.Session)

// TestSession runs all tests of the contract against sessions that pair makes.
func TestSession(t *testing.T, pair Pair) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, *sides)
	}{
		{"Echo", testEcho},
		{"AccepterSpeaksFirst", testAccepterSpeaksFirst},
		{"CloseWriteShows", testCloseWriteShows},
		{"HalfCloseByOpener", testHalfCloseByOpener},
		{"HalfCloseByAccepter", testHalfCloseByAccepter},
		{"WriteAfterCloseWrite", testWriteAfterCloseWrite},
		{"BytesBeforeCloseArrive", testBytesBeforeCloseArrive},
		{"CloseStopsPeer", testCloseStopsPeer},
		{"CloseUnblocks", testCloseUnblocks},
		{"CloseReadDrops", testCloseReadDrops},
		{"ConcurrentWritesDoNotMix", testConcurrentWrites},
		{"ResetByOpener", testResetByOpener},
		{"ResetByAccepter", testResetByAccepter},
		{"ResetUnblocks", testResetUnblocks},
		{"ResetCode", testResetCode},
		{"ReadDeadline", testReadDeadline},
		{"WriteDeadline", testWriteDeadline},
		{"ManyStreams", testManyStreams},
		{"IdleStreamsHaveNoGoroutines", testIdleStreams},
		{"SlowReader", testSlowReader},
		{"OpenCancelled", testOpenCancelled},
		{"AcceptCancelled", testAcceptCancelled},
		{"ShutdownByOpener", testShutdownByOpener},
		{"ShutdownByAccepter", testShutdownByAccepter},
		{"ShutdownCut", testShutdownCut},
		{"CloseEndsEverything", testCloseEndsEverything},
		{"CloseWithError", testCloseWithError},
		{"Load", testLoad},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSides(t, pair)
			tt.test(t, s)
		})
	}
	t.Run("Conn", func(t *testing.T) {
		nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
			opener, accepter := pair(t)
			stop = func() {
				opener.Close()
				accepter.Close()
			}
			if c1, err = opener.Open(context.Background()); err != nil {
				stop()
				return nil, nil, nil, err
			}
			// The accepter learns of the stream by its first byte.
			greeting := make(chan error, 1)
			go func() {
				_, err := c1.Write([]byte{0})
				greeting <- err
			}()
			if c2, err = accepter.Accept(context.Background()); err == nil {
				_, err = io.ReadFull(c2, make([]byte, 1))
			}
			if err = errors.Join(err, <-greeting); err != nil {
				stop()
				return nil, nil, nil, err
			}
			return c1, c2, stop, nil
		})
	})
}

// sides are the two sides of a session, and what a test does with them.
type sides struct {
	t                *testing.T
	opener, accepter mux.Session
	group            sync.WaitGroup
}

func newSides(t *testing.T, pair Pair) *sides {
	s := &sides{t: t}
	s.opener, s.accepter = pair(t)
	t.Cleanup(func() {
		s.opener.Close()
		s.accepter.Close()
		s.group.Wait()
	})
	return s
}

// stream returns the two ends of a new stream, over which a byte has gone.
func (s *sides) stream() (a, b mux.Stream) {
	s.t.Helper()
	a = s.open()
	s.write(a, []byte{'!'})
	b = s.accept()
	if got := s.read(b, 1); string(got) != "!" {
		s.t.Fatalf("read %q, want the greeting", got)
	}
	return a, b
}

func (s *sides) open() mux.Stream {
	s.t.Helper()
	st, err := s.opener.Open(context.Background())
	if err != nil {
		s.t.Fatalf("Open: %v", err)
	}
	return st
}

func (s *sides) accept() mux.Stream {
	s.t.Helper()
	st, err := s.accepter.Accept(context.Background())
	if err != nil {
		s.t.Fatalf("Accept: %v", err)
	}
	return st
}

func (s *sides) write(st mux.Stream, p []byte) {
	s.t.Helper()
	if n, err := st.Write(p); n != len(p) || err != nil {
		s.t.Fatalf("Write = %d, %v, want %d, nil", n, err, len(p))
	}
}

func (s *sides) read(st mux.Stream, n int) []byte {
	s.t.Helper()
	p := make([]byte, n)
	if n, err := io.ReadFull(st, p); err != nil {
		s.t.Fatalf("Read after %d of %d bytes: %v", n, len(p), err)
	}
	return p
}

func (s *sides) closeWrite(st mux.Stream) {
	s.t.Helper()
	if err := st.CloseWrite(); err != nil {
		s.t.Fatalf("CloseWrite: %v", err)
	}
}

// wantEOF reads the rest of a stream, which must end cleanly and be want.
func (s *sides) wantEOF(st mux.Stream, want []byte) {
	s.t.Helper()
	got, err := io.ReadAll(st)
	if err != nil {
		s.t.Fatalf("after %d of %d bytes: %v, want the end of the stream", len(got), len(want), err)
	}
	if !bytes.Equal(got, want) {
		s.t.Fatalf("got %d bytes, want other %d", len(got), len(want))
	}
	if n, err := st.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		s.t.Fatalf("Read at the end = %d, %v, want 0, io.EOF itself", n, err)
	}
}

// working checks that the session carries another stream.
func (s *sides) working() {
	s.t.Helper()
	a, b := s.stream()
	want := data(1000)
	s.write(b, want)
	if !bytes.Equal(s.read(a, len(want)), want) {
		s.t.Fatal("another stream carries other bytes")
	}
	s.close(a, b)
}

func (s *sides) close(streams ...mux.Stream) {
	s.t.Helper()
	for _, st := range streams {
		if err := st.Close(); err != nil {
			s.t.Fatalf("Close: %v", err)
		}
	}
}

// serve echoes every stream until the session ends.
func (s *sides) serve() {
	s.group.Go(func() {
		for {
			st, err := s.accepter.Accept(context.Background())
			if err != nil {
				return
			}
			s.group.Go(func() {
				io.Copy(st, st)
				st.Close()
			})
		}
	})
}

// data returns n bytes that depend on n.
func data(n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}).Read(p)
	return p
}

// wantReset checks that err is a reset with code, by the peer or not.
func (s *sides) wantReset(what string, err error, code mux.Code, remote bool) {
	s.t.Helper()
	e, ok := errors.AsType[*mux.StreamError](err)
	if !ok || e.Code != code || e.Remote != remote {
		s.t.Fatalf("%s: %v, want a *mux.StreamError of code %v, remote: %v", what, err, code, remote)
	}
}
