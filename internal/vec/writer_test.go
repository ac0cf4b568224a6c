package vec_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/vec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func writer(t testing.TB, c net.Conn) *vec.Writer {
	t.Helper()
	w, ok := vec.WriterOf(c)
	if !ok {
		t.Skipf("no raw writes to a %T on this system", c)
	}
	return w
}

// pieces cuts total bytes into n slices, some of them empty.
func pieces(total, n int) (bufs [][]byte, all []byte) {
	rnd := rand.New(rand.NewPCG(uint64(total), uint64(n)))
	all = make([]byte, total)
	for i := range all {
		all[i] = byte(rnd.Uint32())
	}
	rest := all
	for i := range n {
		k := len(rest)
		if i < n-1 {
			k = rnd.IntN(2*len(rest)/(n-i) + 1)
		}
		k = min(k, len(rest))
		bufs = append(bufs, rest[:k:k])
		rest = rest[k:]
	}
	return bufs, all
}

func TestWritevDeliversAllAndLeavesInputAlone(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, tt := range []struct{ total, n int }{
			{0, 0}, {0, 3}, {1, 1}, {100, 7}, {5000, 1023}, {5000, 1024}, {5000, 1025}, {100_000, 5000},
			{16 << 20, 1}, {16 << 20, 3000}, // more than the socket takes at once
		} {
			t.Run(fmt.Sprintf("%s/%d in %d", network, tt.total, tt.n), func(t *testing.T) {
				a, b := faultconn.Sockets(t, network)
				w := writer(t, a)
				bufs, all := pieces(tt.total, tt.n)
				want := bytes.Clone(all)
				lens := make([]int, len(bufs))
				for i := range bufs {
					lens[i] = len(bufs[i])
				}

				got := make(chan []byte)
				go func() {
					data, _ := io.ReadAll(b)
					got <- data
				}()
				n, err := w.Writev(bufs)
				if n != int64(tt.total) || err != nil {
					t.Fatalf("Writev = %d, %v, want %d, nil", n, err, tt.total)
				}
				a.Close()
				if !bytes.Equal(<-got, want) {
					t.Fatal("the peer got other bytes")
				}
				if !bytes.Equal(all, want) {
					t.Fatal("Writev changed the bytes")
				}
				for i := range bufs {
					if len(bufs[i]) != lens[i] {
						t.Fatalf("Writev consumed bufs[%d]", i)
					}
				}
			})
		}
	}
}

// TestWriteDeadline stalls a write and checks that the count is what the
// socket accepted, by reading exactly that much.
func TestWriteDeadline(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	w := writer(t, a)
	bufs, all := pieces(32<<20, 100)
	first := make([]byte, 1)
	begun := make(chan error, 1)
	go func() { // a deadline from the start might pass before anything was written
		_, err := io.ReadFull(b, first)
		begun <- errors.Join(err, a.SetWriteDeadline(time.Unix(1, 0)))
	}()
	n, err := w.Writev(bufs)
	if err := <-begun; err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) || n <= 0 || n >= int64(len(all)) {
		t.Fatalf("Writev = %d, %v, want some bytes and a deadline error", n, err)
	}
	a.Close()
	data, err := io.ReadAll(b)
	data = append(first, data...)
	if err != nil || !bytes.Equal(data, all[:n]) {
		t.Fatalf("the peer got %d bytes, %v, want the %d that were counted", len(data), err, n)
	}
}

// TestTryWritev fills a socket that nobody reads, and checks that the count is
// what the socket accepted.
func TestTryWritev(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	w := writer(t, a)
	bufs, all := pieces(32<<20, 100)
	n, err := w.TryWritev(bufs)
	if err != nil || n <= 0 || n >= int64(len(all)) {
		t.Fatalf("TryWritev = %d, %v, want some bytes and no error", n, err)
	}
	if n, err := w.TryWritev(bufs); n != 0 || err != nil {
		t.Fatalf("TryWritev on a full socket = %d, %v, want 0, nil", n, err)
	}
	a.Close()
	data, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(data, all[:n]) {
		t.Fatalf("the peer got %d bytes, %v, want the %d that were counted", len(data), err, n)
	}
	if n, err := w.TryWritev(bufs); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Fatalf("TryWritev after Close = %d, %v, want 0, net.ErrClosed", n, err)
	}
}

func TestWriteClosed(t *testing.T) {
	a, _ := faultconn.Sockets(t, "tcp")
	w := writer(t, a)
	a.Close()
	if n, err := w.Write([]byte("x")); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Fatalf("Write = %d, %v, want 0, net.ErrClosed", n, err)
	}
}

// A shrinker is a Lender that copies the rest out, and checks its account.
type shrinker struct {
	lent    map[*byte]bool
	shrunk  int
	minimum int
}

func (s *shrinker) Keep(n int) []byte {
	b := make([]byte, n)
	s.lent[&b[0]] = true
	return b
}

func (s *shrinker) Put(b []byte) {
	b = b[:cap(b)]
	if !s.lent[&b[0]] {
		panic("put of a buffer that was not lent")
	}
	delete(s.lent, &b[0])
	clear(b) // whoever still uses it will send zeros
}

func (s *shrinker) Shrink(held, rest []byte) (buf, kept []byte) {
	s.shrunk++
	s.minimum = len(rest)
	buf = s.Keep(len(rest))
	copy(buf, rest)
	s.Put(held)
	return buf, buf
}

func TestDrainShrinksWhatStalls(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	w := writer(t, a)
	a.(*net.TCPConn).SetWriteBuffer(64 << 10)
	s := &shrinker{lent: map[*byte]bool{}}
	_, all := pieces(8<<20, 1)
	buf := s.Keep(len(all))
	copy(buf, all)

	stalled := make(chan struct{})
	got := make(chan []byte)
	go func() {
		<-stalled
		data, _ := io.ReadAll(b)
		got <- data
	}()
	a.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	n, err := w.Drain(s, buf, buf)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("Drain = %d, %v, want a deadline error", n, err)
	}
	if s.shrunk == 0 || s.minimum != len(all)-int(n) {
		t.Fatalf("shrunk %d times, to %d bytes, want the %d that did not leave", s.shrunk, s.minimum, len(all)-int(n))
	}
	if len(s.lent) != 0 {
		t.Fatalf("%d buffers still lent", len(s.lent))
	}

	a.SetWriteDeadline(time.Time{})
	close(stalled)
	buf = s.Keep(len(all) - int(n))
	copy(buf, all[n:])
	if m, err := w.Drain(s, buf, buf); m != int64(len(all))-n || err != nil {
		t.Fatalf("Drain = %d, %v, want %d, nil", m, err, int64(len(all))-n)
	}
	a.Close()
	if !bytes.Equal(<-got, all) {
		t.Fatal("the peer got other bytes")
	}
	if len(s.lent) != 0 {
		t.Fatalf("%d buffers still lent", len(s.lent))
	}
}

// TestKeepsWhatStalls: the end of a write that stalls is left to the caller,
// and nothing of it is lost or sent twice.
func TestKeepsWhatStalls(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		a, b := faultconn.Sockets(t, network)
		w := writer(t, a)
		s := &shrinker{lent: map[*byte]bool{}}
		read := make(chan int64)
		got := make(chan []byte)
		go func() { // as much as is asked for, and then the rest
			var all bytes.Buffer
			for n := range read {
				io.CopyN(&all, b, n)
			}
			io.Copy(&all, b)
			got <- all.Bytes()
		}()
		var sent []byte
		kept, asked := 0, 0
		for i := 0; kept < 5; i++ {
			bufs, all := pieces(10_000, 1+i%7)
			sent = append(sent, all...)
			n, rest, err := w.WritevOrKeep(bufs, s, len(all))
			if err != nil || int(n)+len(rest) != len(all) || !bytes.Equal(rest, all[n:]) {
				t.Fatalf("%s: WritevOrKeep = %d, %d bytes, %v, of %d", network, n, len(rest), err, len(all))
			}
			if len(rest) == 0 {
				continue
			}
			kept++
			read <- int64(len(sent) - len(rest) - asked)
			asked = len(sent) - len(rest)
			if m, err := w.Drain(s, rest, rest); m != int64(len(all))-n || err != nil {
				t.Fatalf("%s: Drain = %d, %v, want %d", network, m, err, len(rest))
			}
		}
		close(read)
		a.Close()
		if !bytes.Equal(<-got, sent) {
			t.Fatalf("%s: the peer got other bytes", network)
		}
		if len(s.lent) != 0 {
			t.Fatalf("%s: %d buffers still lent", network, len(s.lent))
		}
	}
}

// TestKeepsNoMore: what is more than the caller allows is waited for.
func TestKeepsNoMore(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	w := writer(t, a)
	s := &shrinker{lent: map[*byte]bool{}}
	bufs, all := pieces(16<<20, 100)
	got := make(chan []byte)
	go func() {
		data, _ := io.ReadAll(b)
		got <- data
	}()
	n, rest, err := w.WritevOrKeep(bufs, s, 1000)
	if err != nil || len(rest) > 1000 || int(n)+len(rest) != len(all) {
		t.Fatalf("WritevOrKeep = %d, %d bytes, %v, of %d", n, len(rest), err, len(all))
	}
	if len(rest) > 0 {
		w.Drain(s, rest, rest)
	}
	a.Close()
	if !bytes.Equal(<-got, all) {
		t.Fatal("the peer got other bytes")
	}
}

// counting is a transparent wrapper.
type counting struct {
	net.Conn
	written int64
}

func (c *counting) TransparentConn() (net.Conn, func(read, written int64)) {
	return c.Conn, func(_, written int64) { c.written += written }
}

func TestWrapperCounts(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	c := &counting{Conn: a}
	w := writer(t, c)
	if _, err := w.Writev([][]byte{[]byte("abc"), []byte("de")}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(b, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if c.written != 5 {
		t.Fatalf("the wrapper counted %d bytes, want 5", c.written)
	}
}

func TestWritevAllocs(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	w := writer(t, a)
	bufs, all := pieces(1000, 40)
	in := make([]byte, len(all))
	allocs := testing.AllocsPerRun(200, func() {
		if _, err := w.Writev(bufs); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(b, in); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0 && !raceEnabled {
		t.Errorf("Writev allocates %v times", allocs)
	}
}
