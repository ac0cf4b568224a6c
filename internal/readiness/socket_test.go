package readiness_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/readiness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func socket(t testing.TB, c net.Conn) *readiness.Socket {
	t.Helper()
	s, ok := readiness.Of(c)
	if !ok {
		t.Skipf("no raw reads from a %T on this system", c)
	}
	return s
}

// A ledger is a Pool that knows how much it has lent.
type ledger struct{ lent, gets int }

func (l *ledger) Get(n int) []byte { l.lent++; l.gets++; return make([]byte, n) }
func (l *ledger) Put([]byte)       { l.lent-- }

func TestTryRead(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			a, b := faultconn.Sockets(t, network)
			s := socket(t, b)
			buf := make([]byte, 10)
			if n, err := s.TryRead(buf); n != 0 || err != readiness.ErrWouldBlock {
				t.Fatalf("TryRead of nothing = %d, %v, want 0, ErrWouldBlock", n, err)
			}
			a.Write([]byte("hello world!"))
			if err := s.Wait(); err != nil {
				t.Fatal(err)
			}
			if n, err := s.TryRead(buf); n != 10 || err != nil || string(buf) != "hello worl" {
				t.Fatalf("TryRead = %d, %v, %q", n, err, buf)
			}
			x, y := make([]byte, 1), make([]byte, 9)
			if n, err := s.TryReadv([][]byte{x, nil, y}); n != 2 || err != nil || x[0] != 'd' || y[0] != '!' {
				t.Fatalf("TryReadv = %d, %v, %q, %q", n, err, x, y)
			}
			if n, err := s.TryReadv([][]byte{x, y}); n != 0 || err != readiness.ErrWouldBlock {
				t.Fatalf("TryReadv of nothing = %d, %v, want 0, ErrWouldBlock", n, err)
			}
			a.Close()
			if err := s.Wait(); err != nil {
				t.Fatal(err)
			}
			if n, err := s.TryRead(buf); n != 0 || err != io.EOF {
				t.Fatalf("TryRead at the end = %d, %v, want 0, EOF", n, err)
			}
			if n, err := s.TryReadv([][]byte{x}); n != 0 || err != io.EOF {
				t.Fatalf("TryReadv at the end = %d, %v, want 0, EOF", n, err)
			}
		})
	}
}

// TestResetIsNoEnd: a wait must not swallow the reset that the read reports.
func TestResetIsNoEnd(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	s := socket(t, b)
	a.(*net.TCPConn).SetLinger(0)
	a.Close()
	for range 3 {
		if err := s.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.TryRead(make([]byte, 1)); n != 0 || err == nil || err == io.EOF {
		t.Fatalf("TryRead after a reset = %d, %v, want the reset", n, err)
	}
}

func TestReadReadyHoldsNothingWhileWaiting(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	s := socket(t, b)
	var l ledger
	b.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if got, err := s.ReadReady(&l, 100); got != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("ReadReady = %q, %v, want a deadline error", got, err)
	}
	if l.lent != 0 || l.gets == 0 {
		t.Fatalf("%d buffers lent of %d while waiting", l.lent, l.gets)
	}
	b.SetReadDeadline(time.Time{})

	a.Write([]byte("abc"))
	got, err := s.ReadReady(&l, 100)
	if string(got) != "abc" || err != nil || l.lent != 1 {
		t.Fatalf("ReadReady = %q, %v, %d lent", got, err, l.lent)
	}
	l.Put(got)

	a.Close()
	if got, err := s.ReadReady(&l, 100); got != nil || err != io.EOF || l.lent != 0 {
		t.Fatalf("ReadReady at the end = %q, %v, %d lent, want EOF", got, err, l.lent)
	}
}

func TestClosedWhileWaiting(t *testing.T) {
	for _, wait := range []func(*readiness.Socket) error{
		(*readiness.Socket).Wait,
		func(s *readiness.Socket) error { _, err := s.ReadReady(new(ledger), 10); return err },
	} {
		_, b := faultconn.Sockets(t, "tcp")
		s := socket(t, b)
		got := make(chan error)
		go func() { got <- wait(s) }()
		b.Close()
		if err := <-got; !errors.Is(err, net.ErrClosed) {
			t.Fatalf("waiting on a closed connection: %v, want net.ErrClosed", err)
		}
	}
}

// TestNoLostEdge lets data arrive at every moment relative to the wait.
func TestNoLostEdge(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	s := socket(t, b)
	const rounds = 2000
	go func() {
		for i := range rounds {
			a.Write([]byte{byte(i)})
			io.ReadFull(a, make([]byte, 1))
		}
	}()
	buf := make([]byte, 1)
	for i := range rounds {
		for {
			n, err := s.TryRead(buf)
			if n == 1 {
				break
			}
			if err != readiness.ErrWouldBlock {
				t.Fatal(err)
			}
			if err := s.Wait(); err != nil {
				t.Fatal(err)
			}
		}
		if buf[0] != byte(i) {
			t.Fatalf("byte %d is %d", i, buf[0])
		}
		b.Write(buf)
	}
}

// passing is a transparent wrapper, embedding holds back its socket.
type passing struct {
	net.Conn
	holds bool
	read  int64
}

func (p *passing) TransparentConn() (net.Conn, func(read, written int64)) {
	if p.holds {
		return nil, nil
	}
	return p.Conn, func(read, _ int64) { p.read += read }
}

type embedding struct{ *net.TCPConn }

type ring struct{ net.Conn }

func (r *ring) TransparentConn() (net.Conn, func(read, written int64)) { return r, nil }

func TestWhatIsASocket(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	s := &passing{Conn: b}
	outer := &passing{Conn: s}
	socket(t, outer)
	for _, c := range []net.Conn{embedding{b.(*net.TCPConn)}, &ring{}, &passing{Conn: b, holds: true}} {
		if _, ok := readiness.Of(c); ok {
			t.Errorf("%T passes for a socket", c)
		}
	}
	sock := socket(t, outer)
	a.Write(bytes.Repeat([]byte("x"), 7))
	if err := sock.Wait(); err != nil {
		t.Fatal(err)
	}
	if n, err := sock.TryRead(make([]byte, 10)); n != 7 || err != nil {
		t.Fatalf("TryRead = %d, %v, want 7, nil", n, err)
	}
	if s.read != 7 || outer.read != 7 {
		t.Fatalf("the wrappers counted %d and %d bytes, want 7", s.read, outer.read)
	}
}

func TestAllocs(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	s := socket(t, b)
	msg, buf := []byte("x"), make([]byte, 10)
	pool := fixed{b: make([]byte, 10)}
	vec := [][]byte{buf[:1], buf[1:]}
	n := testing.AllocsPerRun(100, func() {
		a.Write(msg)
		s.Wait()
		s.TryRead(buf)
		a.Write(msg)
		s.ReadReady(&pool, 10)
		s.TryReadv(vec)
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}

type fixed struct{ b []byte }

func (f *fixed) Get(n int) []byte { return f.b[:n] }
func (f *fixed) Put([]byte)       {}

// A stingy pool lends less at first.
type stingy struct{ first, gets int }

func (p *stingy) Get(n int) []byte {
	if p.gets++; p.gets == 1 {
		n = p.first
	}
	return make([]byte, n)
}

func (p *stingy) Put([]byte) {}

// TestReadReadyIntoAfterWait: where the bytes are follows from the buffer that
// is returned, not from one that was lent in front of the wait.
func TestReadReadyIntoAfterWait(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	s := socket(t, b)
	type result struct {
		n   int
		buf []byte
		err error
	}
	first, read := make([]byte, 12), make(chan result)
	go func() {
		n, buf, err := s.ReadReadyInto(first, &stingy{first: 4}, 32)
		read <- result{n, buf, err}
	}()
	await.Until(t, "it waits, behind its first attempt", func() bool {
		stack := make([]byte, 1<<16)
		return bytes.Contains(stack[:runtime.Stack(stack, true)], []byte("RawRead"))
	})
	const sent = "abcdefghijklmnopqrst"
	a.Write([]byte(sent))
	r := <-read
	if r.err != nil || r.n != len(sent) || len(r.buf) != 32 {
		t.Fatalf("ReadReadyInto = %d, %d bytes, %v, want %d, 32, nil", r.n, len(r.buf), r.err, len(sent))
	}
	if got := string(first) + string(r.buf[len(first):r.n]); got != sent {
		t.Errorf("read %q, want %q", got, sent)
	}
}
