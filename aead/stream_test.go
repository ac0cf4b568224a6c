package aead_test

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/internal/readiness"
)

// What the tests of the streams share: sources and destinations of every
// kind, and a pool that knows what it has lent.

// A ledger is a Pool and a Budget that keeps account. Memory that comes back
// is spoilt, so that whoever still uses it is found out.
type ledger struct {
	mu       sync.Mutex
	lent     map[*byte]int
	peak     int // of the sum of lent
	sum      int
	limit    int // of the budget
	reserved int
	fault    string
}

func newLedger() *ledger { return &ledger{lent: map[*byte]int{}, limit: 1 << 30} }

func (l *ledger) Get(n int) []byte {
	b := make([]byte, n, n+1) // +1: an empty slice has an address, too
	spoil(b)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lent[&b[:1][0]] = n
	l.sum += n
	l.peak = max(l.peak, l.sum)
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
	n, ok := l.lent[&b[0]]
	if !ok {
		l.fault = "Put of what is not lent"
		return
	}
	delete(l.lent, &b[0])
	l.sum -= n
	spoil(b)
}

// spoil overwrites the beginning of b, and its end.
func spoil(b []byte) {
	copy(b, spoilt)
	copy(b[max(0, len(b)-len(spoilt)):], spoilt)
}

var spoilt = bytes.Repeat([]byte{0xDB}, 2<<10)

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
		l.fault = "more released than reserved"
	}
}

func (l *ledger) held() (buffers, total int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.lent), l.sum
}

// check reports what is wrong if want buffers should be lent.
func (l *ledger) check(t testing.TB, want int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fault != "" {
		t.Errorf("ledger: %s", l.fault)
	}
	if len(l.lent) != want || want == 0 && l.reserved != 0 {
		t.Errorf("%d buffers lent (%d bytes), %d bytes reserved, want %d buffers", len(l.lent), l.sum, l.reserved, want)
	}
}

// chunkConfig is that of a stream without a prefix, both ways under a.
func chunkConfig(a cipher.AEAD, l *ledger) aead.ChunkConfig {
	cfg := aead.ChunkConfig{
		Open: func([]byte) (*aead.Opener, error) { return aead.NewOpener(a, aead.Sequence{}) },
		Seal: func() ([]byte, *aead.Sealer, error) {
			s, err := aead.NewSealer(a, aead.Sequence{})
			return nil, s, err
		},
	}
	if l != nil {
		cfg.Pool, cfg.Budget = l, l
	}
	return cfg
}

func mustReader(t testing.TB, src io.Reader, cfg aead.ChunkConfig) *aead.ChunkReader {
	t.Helper()
	r, err := aead.NewChunkReader(src, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustWriter(t testing.TB, dst io.Writer, cfg aead.ChunkConfig) *aead.ChunkWriter {
	t.Helper()
	w, err := aead.NewChunkWriter(dst, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func mustConn(t testing.TB, raw net.Conn, cfg aead.ChunkConfig) *aead.ChunkConn {
	t.Helper()
	c, err := aead.NewChunkConn(raw, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tcpPair returns the two ends of a TCP connection.
func tcpPair(t testing.TB) (a, b *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	type accepted struct {
		c   net.Conn
		err error
	}
	ch := make(chan accepted, 1)
	go func() {
		c, err := ln.Accept()
		ch <- accepted{c, err}
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	acc := <-ch
	if acc.err != nil {
		t.Fatal(acc.err)
	}
	t.Cleanup(func() { c.Close(); acc.c.Close() })
	return c.(*net.TCPConn), acc.c.(*net.TCPConn)
}

// needsSockets skips a test of what only sockets can do, where Go's are not
// in non-blocking mode.
func needsSockets(t testing.TB) {
	t.Helper()
	if c, _ := tcpPair(t); !isSocket(c) {
		t.Skip("sockets of this system are read by plain Reads")
	}
}

func isSocket(c net.Conn) bool {
	_, ok := readiness.Of(c)
	return ok
}

// A script is a source that gives the bytes in pieces of the given lengths,
// over and over, and then err.
type script struct {
	left  []byte
	sizes []int
	i     int
	err   error
}

func newScript(wire []byte, sizes ...int) *script {
	return &script{left: wire, sizes: sizes, err: io.EOF}
}

func (s *script) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n := len(s.left)
	if len(s.sizes) > 0 {
		n = min(n, s.sizes[s.i%len(s.sizes)])
		s.i++
	}
	if n == 0 && len(s.left) > 0 {
		return 0, nil // an idle Read
	}
	n = copy(p, s.left[:n])
	s.left = s.left[n:]
	if n == 0 {
		return 0, s.err
	}
	return n, nil
}

// A layered is a script that is also a layer: it steps one piece at a time,
// and has nothing now after each.
type layered struct {
	script
	ready bool
}

func newLayered(wire []byte, sizes ...int) *layered {
	return &layered{script: *newScript(wire, sizes...), ready: true}
}

func (l *layered) Step(dst io.Writer, max int) (int64, error) {
	if !l.ready {
		return 0, nil
	}
	l.ready = false
	buf := make([]byte, min(max, len(l.left)+1))
	n, err := l.Read(buf)
	if n == 0 {
		return 0, err
	}
	n, err = dst.Write(buf[:n])
	return int64(n), err
}

func (l *layered) Ready(_ aead.Watcher, wake func()) (cancel func()) {
	l.ready = true
	wake()
	return func() {}
}

// A gather is a destination with Writev.
type gather struct {
	bytes.Buffer
	calls int
}

func (g *gather) Writev(bufs [][]byte) (int64, error) {
	g.calls++
	var total int64
	for _, b := range bufs {
		n, _ := g.Buffer.Write(b)
		total += int64(n)
	}
	return total, nil
}

// plain hides all methods but Write.
type plain struct{ io.Writer }

// A drainer reads a stream to its end. It returns io.EOF as nil.
type drainer struct {
	name  string
	drain func(r *aead.ChunkReader) ([]byte, error)
	layer bool // needs a source that can tell when it is ready
}

var drainers = []drainer{
	{name: "Read1", drain: readWith(1)},
	{name: "Read100", drain: readWith(100)},
	{name: "Read64K", drain: readWith(64 << 10)},
	{name: "WriteTo", drain: func(r *aead.ChunkReader) ([]byte, error) {
		var out bytes.Buffer
		n, err := r.WriteTo(plain{&out})
		if err == nil && n != int64(out.Len()) {
			err = errors.New("WriteTo miscounted")
		}
		return out.Bytes(), err
	}},
	{name: "WriteToGather", drain: func(r *aead.ChunkReader) ([]byte, error) {
		var out gather
		_, err := r.WriteTo(&out)
		return out.Bytes(), err
	}},
	{name: "Step", drain: stepWith(1 << 20), layer: true},
	{name: "StepSmall", drain: stepWith(1), layer: true},
}

func readWith(size int) func(*aead.ChunkReader) ([]byte, error) {
	return func(r *aead.ChunkReader) ([]byte, error) {
		var out []byte
		p := make([]byte, size)
		for {
			n, err := r.Read(p)
			out = append(out, p[:n]...)
			if err == io.EOF {
				return out, nil
			}
			if err != nil {
				return out, err
			}
		}
	}
}

func stepWith(max int) func(*aead.ChunkReader) ([]byte, error) {
	return func(r *aead.ChunkReader) ([]byte, error) {
		var out bytes.Buffer
		for {
			n, err := r.Step(plain{&out}, max)
			if err == io.EOF {
				return out.Bytes(), nil
			}
			if err != nil {
				return out.Bytes(), err
			}
			if n == 0 {
				woken := false
				if r.Ready(nil, func() { woken = true }) == nil || !woken {
					return out.Bytes(), errors.New("Ready did not wake")
				}
			}
		}
	}
}

// A quitter accepts a number of bytes, and then fails: with a missed deadline
// as often as it is told, or for good.
type quitter struct {
	bytes.Buffer
	room  int
	times int // that the deadline is missed
	more  int // room after each time
	err   error
	calls int
}

var errQuit = errors.New("test: destination failed")

func (q *quitter) Write(p []byte) (int, error) {
	q.calls++
	if len(p) <= q.room {
		q.room -= len(p)
		return q.Buffer.Write(p)
	}
	n, _ := q.Buffer.Write(p[:q.room])
	q.room = 0
	if q.times > 0 {
		q.times--
		q.room = q.more
		return n, os.ErrDeadlineExceeded
	}
	return n, q.err
}
