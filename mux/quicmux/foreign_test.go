package quicmux_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/quic-go/quic-go"
	xquic "golang.org/x/net/quic"

	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/quicmux"
)

// dialRaw connects to l as one that knows QUIC only.
func dialRaw(t *testing.T, addr net.Addr) *quic.Conn {
	t.Helper()
	c, err := quic.DialAddr(t.Context(), addr.String(), clientTLS(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseWithError(0, "") })
	return c
}

func acceptFrom(t *testing.T, l *quicmux.Listener) *quicmux.Session {
	t.Helper()
	s, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestForeignStream: a stream that begins otherwise is refused, alone.
func TestForeignStream(t *testing.T) {
	l := listen(t, quicmux.Config{})
	c := dialRaw(t, l.Addr())
	s := acceptFrom(t, l)
	for _, first := range []byte{7, 0} {
		q, err := c.OpenStream()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.Write([]byte{first, 'x'}); err != nil {
			t.Fatal(err)
		}
		st, err := s.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n, err := st.Read(make([]byte, 10))
		if first == 0 {
			if n != 1 || err != nil {
				t.Errorf("Read = %d, %v, want a byte", n, err)
			}
			continue
		}
		if e, ok := errors.AsType[*mux.StreamError](err); !ok || e.Code != mux.ProtocolError {
			t.Errorf("Read = %v, want a *mux.StreamError of ProtocolError", err)
		}
		if e, ok := errors.AsType[*quic.StreamError](second(q.Read(make([]byte, 1)))); !ok || e.ErrorCode != quic.StreamErrorCode(mux.ProtocolError) {
			t.Errorf("the peer's Read = %v, want a reset", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestForeignDrain: a drain stream that makes no sense ends the session.
func TestForeignDrain(t *testing.T) {
	l := listen(t, quicmux.Config{})
	c := dialRaw(t, l.Addr())
	s := acceptFrom(t, l)
	u, err := c.OpenUniStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write([]byte{9}); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if e, ok := errors.AsType[*mux.SessionError](s.Err()); !ok || e.Code != mux.ProtocolError || e.Remote {
		t.Errorf("Err = %v, want a *mux.SessionError of ProtocolError", s.Err())
	}
}

// TestWrap: streams of a wrapped connection carry what is written and nothing
// else, and others may be used beside.
func TestWrap(t *testing.T) {
	ln, err := quic.ListenAddr("127.0.0.1:0", serverTLS(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	raw := dialRaw(t, ln.Addr())
	conn, err := ln.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := quicmux.Wrap(conn, quicmux.WrapConfig{})
	defer s.Close()

	q, err := raw.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Write([]byte("\x07hello")); err != nil {
		t.Fatal(err)
	}
	theirs, err := s.Conn().AcceptStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	st := s.Adopt(theirs)
	got := make([]byte, 6)
	if _, err := io.ReadFull(st, got); err != nil || string(got) != "\x07hello" {
		t.Errorf("read %q, %v", got, err)
	}
	if n := s.Load().Streams; n != 1 {
		t.Errorf("Load counts %d streams, want 1", n)
	}
	if _, err := st.Write([]byte("\x07back")); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(q); err != nil || string(got) != "\x07back" {
		t.Errorf("the peer read %q, %v", got, err)
	}
	if n := s.Load().Streams; n != 0 {
		t.Errorf("Load counts %d streams, want none", n)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// TestOtherImplementation: the server is x/net's.
func TestOtherImplementation(t *testing.T) {
	cfg := serverTLS()
	cfg.MinVersion = tls.VersionTLS13
	endpoint, err := xquic.Listen("udp", "127.0.0.1:0", &xquic.Config{TLSConfig: cfg})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = endpoint.Close(context.Background()) }()
	served := make(chan error, 1)
	go func() {
		served <- func() error {
			c, err := endpoint.Accept(t.Context())
			if err != nil {
				return err
			}
			st, err := c.AcceptStream(t.Context())
			if err != nil {
				return err
			}
			if _, err := io.Copy(st, st); err != nil {
				return err
			}
			return st.Close()
		}()
	}()
	to := net.UDPAddrFromAddrPort(endpoint.LocalAddr())
	c, err := quicmux.Dial(t.Context(), to.String(), quicmux.Config{TLS: clientTLS()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	st, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := pattern(300_000)
	go func() {
		_, _ = st.Write(want)
		_ = st.CloseWrite()
	}()
	// The echo begins with the byte that shows the stream.
	got, err := io.ReadAll(st)
	if err != nil || len(got) != 1+len(want) || got[0] != 0 || string(got[1:]) != string(want) {
		t.Errorf("%d bytes came back, %v, want %d", len(got), err, 1+len(want))
	}
	if err := <-served; err != nil {
		t.Errorf("the server: %v", err)
	}
}
