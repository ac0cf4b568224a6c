package burst_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/readiness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A ledger is a Pool and a Budget that keep accounts, and spoil what comes back.
type ledger struct {
	mu       sync.Mutex
	lent     map[*byte]int
	limit    int // of the budget
	reserved int
	fault    string
}

func newLedger() *ledger { return &ledger{lent: map[*byte]int{}, limit: 1 << 30} }

func (l *ledger) Get(n int) []byte {
	b := make([]byte, n, n+1) // +1: an empty slice has an address, too
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lent[&b[:1][0]] = n
	return b
}

func (l *ledger) Put(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cap(b) == 0 {
		l.fault = "Put of nothing"
		return
	}
	b = b[:cap(b)]
	if _, ok := l.lent[&b[0]]; !ok {
		l.fault = "Put of what is not lent"
		return
	}
	delete(l.lent, &b[0])
	for i := range b {
		b[i] = 0xDB
	}
}

func (l *ledger) TryReserve(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reserved+n > l.limit {
		return false
	}
	l.reserved += n
	return true
}

func (l *ledger) Release(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reserved -= n; l.reserved < 0 {
		l.fault = "Release of more than was reserved"
	}
}

// held returns how many bytes are lent.
func (l *ledger) held() (bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.lent {
		bytes += n
	}
	return bytes
}

// tb is what a *testing.T and a *rapid.T share.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

// check checks that want bytes are lent, and that all went well so far.
func (l *ledger) check(t tb, want int) {
	t.Helper()
	if got := l.held(); got != want {
		t.Fatalf("%d bytes are lent, want %d", got, want)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fault != "" {
		t.Fatalf("%s", l.fault)
	}
	if want == 0 && l.reserved != 0 {
		t.Fatalf("%d bytes are reserved", l.reserved)
	}
}

// socket returns the socket under c, and skips where none is found.
func socket(t *testing.T, c net.Conn) *readiness.Socket {
	t.Helper()
	s, ok := readiness.Of(c)
	if !ok {
		t.Skip("no raw reads and writes on this system")
	}
	return s
}

func random(seed uint64, n int) []byte {
	b := make([]byte, n)
	for i, r := 0, rand.New(rand.NewPCG(seed, 0)); i < n; i++ {
		b[i] = byte(r.Uint32())
	}
	return b
}

// A script is a source that brings pieces, one a call; an empty one has
// nothing yet. Then it ends with end, or along with the last piece if that is
// early.
type script struct {
	pieces [][]byte
	end    error
	early  bool
}

func (s *script) next(max int) ([]byte, error) {
	if len(s.pieces) == 0 {
		return nil, s.end
	}
	p := s.pieces[0]
	if len(p) > max {
		s.pieces[0] = p[max:]
		return p[:max], nil
	}
	s.pieces = s.pieces[1:]
	if s.early && len(s.pieces) == 0 {
		return p, s.end
	}
	return p, nil
}

func (s *script) Read(p []byte) (int, error) {
	piece, err := s.next(len(p))
	return copy(p, piece), err
}

// Readv fills the slices in turn.
func (s *script) readv(bufs [][]byte) (int, error) {
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	piece, err := s.next(size)
	n := len(piece)
	for _, b := range bufs {
		piece = piece[copy(b, piece):]
	}
	return n, err
}

// scatter is a script with Readv.
type scatter struct{ *script }

func (s scatter) Readv(bufs [][]byte) (int, error) { return s.readv(bufs) }

// steps is a script as a layer that hands on what has arrived.
type steps struct{ *script }

func (s steps) Step(dst io.Writer, max int) (int64, error) {
	piece, err := s.next(max)
	if len(piece) == 0 {
		return 0, err
	}
	n, writeErr := dst.Write(piece)
	if writeErr != nil {
		err = writeErr
	}
	return int64(n), err
}

func (steps) Ready(_ burst.Watcher, wake func()) (cancel func()) {
	wake()
	return func() {}
}

// A watcher is told what to watch, and never wakes.
type watcher struct{ conn syscall.Conn }

func (w *watcher) Watch(c syscall.Conn, _ func()) (cancel func()) {
	w.conn = c
	return func() {}
}

// opaque is a connection that hides what is under it.
type opaque struct{ net.Conn }

// gone is a time that has passed.
var gone = time.Unix(1, 0)

// timeout is an error after which a stream goes on.
var timeout = os.ErrDeadlineExceeded

// naive is the twin of what moves payloads: their bytes, one after another.
func naive(payloads [][]byte) []byte { return bytes.Join(payloads, nil) }
