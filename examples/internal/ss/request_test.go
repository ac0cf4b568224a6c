package ss_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/examples/internal/ss"
)

// Salt, address and first data leave in one write, as one chunk.
func TestRequest(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method string) {
		k, tw := key(t, method, testPassword), newTwin(method, testPassword)
		header := testDest.Append(nil)
		for _, first := range [][]byte{nil, testFirst, bytes.Repeat([]byte("x"), 16000)} {
			conn := &memConn{}
			if _, err := k.Request(conn, testDest, first); err != nil {
				t.Fatal(err)
			}
			if len(conn.written) != 1 {
				t.Fatalf("%d bytes of first data: %d writes, want 1", len(first), len(conn.written))
			}
			wire := bytes.NewReader(conn.written[0])
			salt := make([]byte, len(tw.master))
			if _, err := io.ReadFull(wire, salt); err != nil {
				t.Fatal(err)
			}
			got, err := tw.direction(t, salt).open(wire)
			if want := append(header, first...); err != nil || !bytes.Equal(got, want) {
				t.Errorf("twin read %q, %v, want %q", got, err, want)
			}
			if wire.Len() != 0 {
				t.Errorf("%d bytes behind the first chunk", wire.Len())
			}
		}
	})
}

// More than a burst still arrives whole.
func TestRequestLong(t *testing.T) {
	k := key(t, methods[0], testPassword)
	first := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
	conn := &memConn{}
	if _, err := k.Request(conn, testDest, first); err != nil {
		t.Fatal(err)
	}
	stream, dest, err := k.Accept(&memConn{Reader: bytes.NewReader(bytes.Join(conn.written, nil))}, new(ss.Salts))
	if err != nil || dest != testDest {
		t.Fatalf("Accept = %v, %v, want %v", dest, err, testDest)
	}
	if got, err := io.ReadAll(stream); err != nil || !bytes.Equal(got, first) {
		t.Errorf("%d bytes arrived, %v, want %d", len(got), err, len(first))
	}
}

func TestRequestReads(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method string) {
		k, tw := key(t, method, testPassword), newTwin(method, testPassword)
		request := func(answer []byte) error {
			stream, err := k.Request(&memConn{Reader: bytes.NewReader(answer)}, testDest, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(stream)
			if err == nil && string(got) != "answer" {
				t.Errorf("read %q, want %q", got, "answer")
			}
			return err
		}
		wire := tw.stream(t, salt(0), []byte("ans"), []byte("wer"))
		if err := request(wire); err != nil {
			t.Error(err)
		}
		if err := request(newTwin(method, "foobar!").stream(t, salt(0), []byte("answer"))); !errors.Is(err, aead.ErrOpen) {
			t.Errorf("a server with another password: %v, want %v", err, aead.ErrOpen)
		}
		if err := request(wire[:len(wire)-1]); !errors.Is(err, aead.ErrTruncated) {
			t.Errorf("an answer cut short: %v, want %v", err, aead.ErrTruncated)
		}
	})
}

// A client that is played its own stream does not take it for the server's.
func TestRequestReflected(t *testing.T) {
	k := key(t, methods[0], testPassword)
	conn := &memConn{}
	stream, err := k.Request(conn, testDest, testFirst)
	if err != nil {
		t.Fatal(err)
	}
	conn.Reader = bytes.NewReader(conn.written[0])
	if got, err := io.ReadAll(stream); !errors.Is(err, ss.ErrReplay) {
		t.Errorf("read %q, %v, want %v", got, err, ss.ErrReplay)
	}
}

func TestRequestFails(t *testing.T) {
	gone := errors.New("peer gone")
	if _, err := key(t, methods[0], testPassword).Request(&goneConn{err: gone}, testDest, nil); !errors.Is(err, gone) {
		t.Errorf("Request = %v, want %v", err, gone)
	}
}

type goneConn struct {
	memConn
	err error
}

func (c *goneConn) Write([]byte) (int, error) { return 0, c.err }
