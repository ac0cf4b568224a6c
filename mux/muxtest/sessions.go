package muxtest

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/headrace-go/headrace/mux"
)

func testOpenCancelled(t *testing.T, s *sides) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.opener.Open(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v, want context.Canceled", err)
	}
	s.working()
}

func testAcceptCancelled(t *testing.T, s *sides) {
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error)
	go func() {
		_, err := s.accepter.Accept(ctx)
		result <- err
	}()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Accept: %v, want context.Canceled", err)
	}
	s.working()
}

func testShutdownByOpener(t *testing.T, s *sides) { s.shutdown(s.opener) }

func testShutdownByAccepter(t *testing.T, s *sides) { s.shutdown(s.accepter) }

// shutdown ends the session by side, and checks that the streams that are open
// go on to their end.
func (s *sides) shutdown(side mux.Session) {
	t := s.t
	a, b := s.stream()
	result := make(chan error, 1)
	go func() { result <- side.Shutdown(context.Background()) }()

	// From some moment on nothing more is opened.
	for {
		st, err := s.opener.Open(context.Background())
		if errors.Is(err, mux.ErrDraining) {
			if !mux.Unprocessed(err) {
				t.Errorf("Unprocessed(%v) = false", err)
			}
			break
		}
		if err != nil {
			t.Fatalf("Open while the session drains: %v, want ErrDraining", err)
		}
		st.Close()
	}
	if !s.opener.Load().Draining {
		t.Error("Load does not say that the session drains")
	}
	want := data(500_000)
	s.group.Go(func() {
		a.Write(want)
		a.CloseWrite()
	})
	s.wantEOF(b, want)
	select {
	case err := <-result:
		t.Fatalf("Shutdown returned %v with a stream open", err)
	default:
	}
	s.write(b, []byte("bye"))
	s.closeWrite(b)
	s.wantEOF(a, []byte("bye"))
	s.close(a, b)
	if err := <-result; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	<-side.Done()
	if err := side.Err(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Err here: %v, want net.ErrClosed", err)
	}
	peer := s.opener
	if side == s.opener {
		peer = s.accepter
		if _, err := peer.Accept(context.Background()); err != io.EOF {
			t.Errorf("the peer's Accept: %v, want io.EOF itself", err)
		}
	}
	<-peer.Done()
	if err := peer.Err(); err != io.EOF {
		t.Errorf("Err there: %v, want io.EOF itself", err)
	}
}

func testShutdownCut(t *testing.T, s *sides) {
	a, b := s.stream()
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- s.opener.Shutdown(ctx) }()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v, want context.Canceled", err)
	}
	for _, st := range []mux.Stream{a, b} {
		if _, err := st.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("Read of a stream that was cut: %v", err)
		}
	}
}

func testCloseEndsEverything(t *testing.T, s *sides) {
	a, _ := s.stream()
	blocked := s.block(a)
	accepted := make(chan error, 1)
	go func() {
		_, err := s.accepter.Accept(context.Background())
		accepted <- err
	}()
	if err := s.opener.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	for range 2 {
		if err := <-blocked; !errors.Is(err, net.ErrClosed) {
			t.Errorf("blocked call: %v, want net.ErrClosed", err)
		}
	}
	if err := <-accepted; err == nil {
		t.Error("Accept succeeded on a session that was closed")
	}
	if _, err := s.opener.Open(context.Background()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Open: %v, want net.ErrClosed", err)
	}
	if err := s.opener.Err(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Err: %v, want net.ErrClosed", err)
	}
	<-s.opener.Done()
	<-s.accepter.Done()
	if err := s.opener.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func testCloseWithError(t *testing.T, s *sides) {
	a, b := s.stream()
	if err := s.accepter.CloseWithError(testCode, "that was all"); err != nil {
		t.Fatalf("CloseWithError: %v", err)
	}
	<-s.opener.Done()
	for name, err := range map[string]error{
		"Err":        s.opener.Err(),
		"Read":       second(a.Read(make([]byte, 1))),
		"Write":      second(a.Write([]byte("x"))),
		"Open":       second(s.opener.Open(context.Background())),
		"Read there": second(b.Read(make([]byte, 1))),
	} {
		e, ok := errors.AsType[*mux.SessionError](err)
		if !ok || e.Code != testCode || e.Reason != "that was all" || e.Remote != (name != "Read there") {
			t.Errorf("%s: %v, want the peer's code and reason", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func testLoad(t *testing.T, s *sides) {
	if l := s.opener.Load(); l.Streams != 0 || l.Limit < 0 || l.Left <= 0 || l.Draining {
		t.Errorf("Load of a new session: %+v", l)
	}
	a, b := s.stream()
	s.stream()
	if l := s.opener.Load(); l.Streams != 2 {
		t.Errorf("Load of the opener: %d streams, want 2", l.Streams)
	}
	if l := s.accepter.Load(); l.Streams != 2 {
		t.Errorf("Load of the accepter: %d streams, want 2", l.Streams)
	}
	const there, back = 100_000, 50_000
	for _, side := range []struct {
		from, to mux.Stream
		n        int
	}{{a, b, there}, {b, a, back}} {
		s.group.Go(func() {
			side.from.Write(data(side.n))
			side.from.CloseWrite()
		})
		s.wantEOF(side.to, data(side.n))
	}
	s.close(a, b)
	for name, session := range map[string]mux.Session{"opener": s.opener, "accepter": s.accepter} {
		if l := session.Load(); l.Bytes < there+back || l.Bytes > 2*(there+back) {
			t.Errorf("Load of the %s: %d bytes, want those of both ways, %d", name, l.Bytes, there+back)
		}
	}
	if l := s.opener.Load(); l.Streams != 1 {
		t.Errorf("Load after one has ended: %d streams, want 1", l.Streams)
	}
}
