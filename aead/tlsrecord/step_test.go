package tlsrecord_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/readiness"
	"github.com/headrace-go/headrace/internal/slab"
)

// bareOverTCP is a bare server over TCP, in memory of its own, with the raw end
// of its peer.
func bareOverTCP(t *testing.T) (*tlsrecord.Conn, *tlsrecord.Forger, net.Conn, *slab.Allocator) {
	t.Helper()
	needsSockets(t)
	a, b := faultconn.Sockets(t, "tcp")
	memory := slab.New(slab.Config{ExactStats: true})
	c := tlsrecord.NewBare(b, tlsrecord.Suites()[0], false, tlsrecord.Config{Pool: memory})
	t.Cleanup(func() {
		c.Abort()
		wantReturned(t, memory)
	})
	return c, tlsrecord.NewForger(tlsrecord.Suites()[0], true), a, memory
}

// lent is how many buffers are not back.
func lent(a *slab.Allocator) (n int) {
	for _, c := range a.Stats().Classes {
		n += int(c.Gets - c.Puts)
	}
	return n
}

func wantReturned(t testing.TB, a *slab.Allocator) {
	t.Helper()
	if n := lent(a); n != 0 {
		t.Errorf("%d buffers were not put back", n)
	}
}

func newWatcher(t *testing.T) *readiness.Watcher {
	t.Helper()
	w, err := readiness.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// awaitWake calls Ready and waits for wake.
func awaitWake(t *testing.T, c *tlsrecord.Conn, w tlsrecord.Watcher, act func()) {
	t.Helper()
	woken := make(chan struct{}, 1)
	cancel := c.Ready(w, func() { woken <- struct{}{} })
	if cancel == nil {
		t.Fatal("Ready = nil")
	}
	act()
	<-woken
	cancel()
}

// Step hands on whole records, keeps a part of one in little memory, and Ready
// wakes when there may be more: also when all that comes is for the layer.
func TestStep(t *testing.T) {
	c, f, peer, memory := bareOverTCP(t)
	w := newWatcher(t)
	step := func(want string) {
		t.Helper()
		var got bytes.Buffer
		for {
			n, err := c.Step(&got, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
		if got.String() != want {
			t.Fatalf("Step moved %q, want %q", &got, want)
		}
	}
	send := func(b []byte) func() {
		return func() {
			if _, err := peer.Write(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	step("")
	if n := lent(memory); n != 0 {
		t.Fatalf("%d buffers are held while nothing is there", n)
	}
	awaitWake(t, c, w, send(append(f.Seal(typeApplication, []byte("one")), f.Seal(typeApplication, []byte("two"))...)))
	step("onetwo")
	record := f.Seal(typeApplication, []byte("three"))
	for _, part := range [][]byte{record[:2], record[2:7], record[7:]} {
		awaitWake(t, c, w, send(part))
		if len(part) > 0 && &part[len(part)-1] != &record[len(record)-1] {
			step("")
		}
		if n := lent(memory); n > 1 {
			t.Fatalf("%d buffers are held", n)
		}
	}
	step("three")
	awaitWake(t, c, w, send(f.Seal(typeHandshake, []byte{24, 0, 0, 1, 0})))
	f.NextKey()
	step("")
	awaitWake(t, c, w, send(f.Seal(typeApplication, []byte("four"))))
	step("four")
	if n := lent(memory); n != 0 {
		t.Fatalf("%d buffers are held", n)
	}
	// What a Read has left is there for Step, and Ready knows.
	send(f.Seal(typeApplication, []byte("five")))()
	if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	awaitWake(t, c, w, func() {})
	step("ive")
	// The end.
	awaitWake(t, c, w, send(f.Seal(typeAlert, []byte{1, 0})))
	if n, err := c.Step(io.Discard, 100); n != 0 || err != io.EOF {
		t.Fatalf("Step = %d, %v, want io.EOF", n, err)
	}
	awaitWake(t, c, w, func() {})
}

// A flood without content does not keep Step from coming back.
func TestStepComesBack(t *testing.T) {
	c, f, peer, _ := bareOverTCP(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			for range 16 {
				if _, err := peer.Write(f.Seal(typeApplication, nil)); err != nil {
					return
				}
			}
			if _, err := peer.Write(f.Seal(typeApplication, []byte("x"))); err != nil {
				return
			}
		}
	}()
	for range 200 {
		if _, err := c.Step(io.Discard, 1); err != nil {
			t.Fatal(err)
		}
	}
	c.Abort()
	<-done
}

// What a destination does not take is what is read next.
func TestStepRest(t *testing.T) {
	c, f, peer, _ := bareOverTCP(t)
	if _, err := peer.Write(append(f.Seal(typeApplication, []byte("abc")), f.Seal(typeApplication, []byte("defg"))...)); err != nil {
		t.Fatal(err)
	}
	dst := &shortWriter{limit: 2}
	var err error
	for err == nil {
		_, err = c.Step(dst, 100)
	}
	if !errors.Is(err, errFull) || string(dst.got) != "ab" {
		t.Fatalf("Step = %v, after %q", err, dst.got)
	}
	buf := make([]byte, 10)
	if _, err := io.ReadFull(c, buf[:5]); err != nil || string(buf[:5]) != "cdefg" {
		t.Fatalf("read %q, %v", buf[:5], err)
	}
}

var errFull = errors.New("full")

type shortWriter struct {
	got   []byte
	limit int
}

func (w *shortWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.limit-len(w.got))
	w.got = append(w.got, p[:n]...)
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

// Over what is no socket and cannot step, only Read can wait.
func TestNotReady(t *testing.T) {
	r := newRig(t, tlsrecord.Suites()[0], false, tlsrecord.Config{})
	if r.Ready(nil, func() {}) != nil {
		t.Fatal("Ready is not nil")
	}
	r.send(t, r.Seal(typeApplication, []byte("abc")))
	if n, err := r.Step(io.Discard, 10); n != 0 || err != nil {
		t.Fatalf("Step = %d, %v", n, err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Fatalf("Read = %d, %v", n, err)
	}
	if n, err := r.Step(io.Discard, 10); n != 2 || err != nil {
		t.Fatalf("Step = %d, %v", n, err)
	}
}

// A connection over a layer that steps does so itself.
func TestOverLayer(t *testing.T) {
	needsSockets(t)
	a, b := faultconn.Sockets(t, "tcp")
	cc, sc := configs()
	outerClient, outerServer := shake(t, a, b, ourClient, ourServer, cc, sc)
	c, s := shake(t, outerClient, outerServer, ourClient, ourServer, cc, sc)
	taken(t, c, s)
	bothWays(t, c, s, 1<<20)
	w := newWatcher(t)
	server := s.(*tlsrecord.Conn)
	var got bytes.Buffer
	if n, err := server.Step(&got, 100); n != 0 || err != nil {
		t.Fatalf("Step = %d, %v", n, err)
	}
	awaitWake(t, server, w, func() {
		if _, err := c.Write([]byte("inner")); err != nil {
			t.Fatal(err)
		}
	})
	for got.Len() < 5 {
		if _, err := server.Step(&got, 100); err != nil {
			t.Fatal(err)
		}
	}
	if got.String() != "inner" {
		t.Fatalf("got %q", &got)
	}
}

var _ interface {
	Watch(c syscall.Conn, wake func()) (cancel func())
} = (*readiness.Watcher)(nil)
