package proxytest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
)

// Random is n pseudo-random bytes, the same for the same seed.
func Random(seed byte, n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), n)
}

// Send writes Random(seed, n) to w.
func Send(w io.Writer, seed byte, n int64) error {
	buf := make([]byte, 256<<10)
	if sent, err := io.CopyBuffer(struct{ io.Writer }{w}, Random(seed, n), buf); err != nil {
		return fmt.Errorf("after %d of %d bytes: %w", sent, n, err)
	}
	return nil
}

// Receive reads n bytes from r, which must be Random(seed, n).
func Receive(r io.Reader, seed byte, n int64) error {
	want := Random(seed, n)
	got, expected := make([]byte, 256<<10), make([]byte, 256<<10)
	for pos := int64(0); pos < n; {
		k, err := r.Read(got[:min(n-pos, int64(len(got)))])
		if _, err := io.ReadFull(want, expected[:k]); err != nil {
			return err
		}
		if !bytes.Equal(got[:k], expected[:k]) {
			return fmt.Errorf("wrong bytes between %d and %d", pos, pos+int64(k))
		}
		pos += int64(k)
		if err != nil && pos < n {
			return fmt.Errorf("after %d of %d bytes: %w", pos, n, err)
		}
	}
	return nil
}

// End reads from r, of which nothing may be left.
func End(r io.Reader) error {
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %d bytes, %v, want the end", n, err)
	}
	return nil
}

// Finish ends c's stream, to which the other side has to answer with its own end.
func Finish(t testing.TB, c *net.TCPConn) {
	t.Helper()
	if err := c.CloseWrite(); err != nil {
		t.Error(err)
	}
	if err := End(c); err != nil {
		t.Error(err)
	}
}

// Exchange has near send n bytes to far and far n others to near, at the same
// time. If anything is wrong it closes both and ends the test.
func Exchange(t testing.TB, near, far net.Conn, n int64) {
	t.Helper()
	run(t, []flow{
		{"sending up", near, func(c net.Conn) error { return Send(c, 1, n) }},
		{"receiving up", far, func(c net.Conn) error { return Receive(c, 1, n) }},
		{"sending down", far, func(c net.Conn) error { return Send(c, 2, n) }},
		{"receiving down", near, func(c net.Conn) error { return Receive(c, 2, n) }},
	})
}

// RoundTrip sends n bytes through c, which must come back, as from Target.Echo.
// If anything is wrong it closes c and ends the test.
func RoundTrip(t testing.TB, c net.Conn, n int64) {
	t.Helper()
	run(t, []flow{
		{"sending", c, func(c net.Conn) error { return Send(c, 1, n) }},
		{"receiving", c, func(c net.Conn) error { return Receive(c, 1, n) }},
	})
}

type flow struct {
	what string
	conn net.Conn
	move func(net.Conn) error
}

func run(t testing.TB, flows []flow) {
	t.Helper()
	results := make(chan error, len(flows))
	for _, f := range flows {
		go func() {
			err := f.move(f.conn)
			if err != nil {
				err = fmt.Errorf("%s: %w", f.what, err)
				for _, other := range flows {
					_ = other.conn.Close() // or the others might never end
				}
			}
			results <- err
		}()
	}
	failed := false
	for range flows {
		if err := <-results; err != nil {
			t.Error(err)
			failed = true
		}
	}
	if failed {
		t.FailNow()
	}
}
