package bufpool_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/internal/faultconn"
)

// chainOf returns a Chain with one Buf for each part.
func chainOf(t testing.TB, p *bufpool.Pool, parts ...string) *bufpool.Chain {
	t.Helper()
	c := &bufpool.Chain{Pool: p}
	for _, s := range parts {
		c.Push(leaseOf(t, p, s))
	}
	return c
}

// content returns the bytes of c.
func content(c *bufpool.Chain) string {
	b := make([]byte, c.Len())
	return string(b[:c.Peek(b)])
}

func checkChain(t testing.TB, c *bufpool.Chain, want string, segments int) {
	t.Helper()
	if got := content(c); got != want || c.Len() != len(want) || c.Segments() != segments {
		t.Errorf("Chain = %q, Len = %d, in %d Bufs, want %q in %d", got, c.Len(), c.Segments(), want, segments)
	}
}

func TestChainPushAndConsume(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	c := chainOf(t, p, "two-", "three-")
	c.PushFront(leaseOf(t, p, "one-"))
	c.Push(leaseOf(t, p, "four"))
	c.Push(leaseOf(t, p, "")) // nothing to keep
	c.Push(bufpool.Buf{})
	c.PushFront(bufpool.Buf{})
	checkChain(t, c, "one-two-three-four", 4)
	if got := string(c.Front()); got != "one-" {
		t.Errorf("Front = %q", got)
	}
	small := make([]byte, 6)
	if n := c.Peek(small); n != 6 || string(small) != "one-tw" {
		t.Errorf("Peek = %q", small[:n])
	}
	n, err := c.Read(small)
	if n != 6 || err != nil || string(small) != "one-tw" {
		t.Errorf("Read = %q, %v", small[:n], err)
	}
	checkChain(t, c, "o-three-four", 3)
	must(t, c.Discard(2+6))
	checkChain(t, c, "four", 1)
	for _, n := range []int{5, -1} {
		if err := c.Discard(n); !errors.Is(err, bufpool.ErrRange) {
			t.Errorf("Discard(%d) = %v, want ErrRange", n, err)
		}
	}
	b, ok := c.PopFront()
	if !ok || string(b.Bytes()) != "four" {
		t.Errorf("PopFront = %q, %v", b.Bytes(), ok)
	}
	b.Release()
	if _, ok := c.PopFront(); ok || c.Front() != nil {
		t.Error("an empty Chain has a front")
	}
	if n, err := c.Read(small); n != 0 || err != io.EOF {
		t.Errorf("Read = %d, %v, want io.EOF", n, err)
	}
	if n, err := c.Read(nil); n != 0 || err != nil {
		t.Errorf("Read(nil) = %d, %v, want 0, nil", n, err)
	}
	c.Reset()
}

func TestChainSplit(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	for n, want := range []struct {
		first, rest     string
		firstIn, restIn int
	}{
		{"|", "abcde", 1, 2}, {"|a", "bcde", 2, 2}, {"|ab", "cde", 2, 1}, {"|abc", "de", 3, 1}, {"|abcd", "e", 3, 1}, {"|abcde", "", 3, 0},
	} {
		c, dst := chainOf(t, p, "ab", "cde"), chainOf(t, p, "|")
		must(t, c.Split(n, dst))
		checkChain(t, dst, want.first, want.firstIn)
		checkChain(t, c, want.rest, want.restIn)
		for _, bad := range []int{c.Len() + 1, -1} {
			if err := c.Split(bad, dst); !errors.Is(err, bufpool.ErrRange) {
				t.Errorf("Split(%d) = %v, want ErrRange", bad, err)
			}
		}
		c.Reset()
		checkChain(t, dst, want.first, want.firstIn)
		dst.Reset()
	}
}

func TestChainReadFrom(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	data := make([]byte, 300_000)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	for _, tt := range []struct {
		name string
		r    io.Reader
	}{
		{"full", bytes.NewReader(data)},
		{"half", iotest.HalfReader(bytes.NewReader(data))},
		{"one byte", iotest.OneByteReader(bytes.NewReader(data))},
		{"data with EOF", iotest.DataErrReader(bytes.NewReader(data))},
	} {
		c := &bufpool.Chain{Pool: p}
		n, err := c.ReadFrom(tt.r)
		if n != int64(len(data)) || err != nil {
			t.Errorf("%s: ReadFrom = %d, %v", tt.name, n, err)
		}
		if content(c) != string(data) {
			t.Errorf("%s: content differs", tt.name)
		}
		// Bytes that trickle in must not take a buffer each.
		if got := c.Segments(); got > 16 {
			t.Errorf("%s: %d Bufs for %d bytes", tt.name, got, len(data))
		}
		c.Reset()
	}
}

func TestChainReadFromIsBounded(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	endless := iotest.DataErrReader(neverEnding('x'))
	for _, tt := range []struct{ limit, want int }{{0, 1 << 20}, {1, 1}, {10_000, 10_000}} {
		c := &bufpool.Chain{Pool: p, Limit: tt.limit}
		n, err := c.ReadFrom(endless)
		if n != int64(tt.want) || c.Len() != tt.want || !errors.Is(err, bufpool.ErrLimit) {
			t.Errorf("Limit %d: ReadFrom = %d, %v, Len = %d, want %d, ErrLimit", tt.limit, n, err, c.Len(), tt.want)
		}
		must(t, c.Discard(1))
		if n, err := c.ReadFrom(endless); n != 1 || !errors.Is(err, bufpool.ErrLimit) {
			t.Errorf("Limit %d: ReadFrom after Discard(1) = %d, %v", tt.limit, n, err)
		}
		c.Reset()
	}
	c := &bufpool.Chain{Pool: p, Limit: -1}
	if n, err := c.ReadFrom(io.LimitReader(endless, 3<<20)); n != 3<<20 || err != nil {
		t.Errorf("without limit: ReadFrom = %d, %v", n, err)
	}
	c.Reset()
}

type neverEnding byte

func (b neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

func TestChainReadFromErrors(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		r    io.Reader
		n    int64
		err  error
	}{
		{"error after bytes", io.MultiReader(bytes.NewReader([]byte("abc")), iotest.ErrReader(broken)), 3, broken},
		{"nothing for ever", countReader(0), 0, io.ErrNoProgress},
	} {
		c := &bufpool.Chain{Pool: p}
		if n, err := c.ReadFrom(tt.r); n != tt.n || !errors.Is(err, tt.err) || int64(c.Len()) != tt.n {
			t.Errorf("%s: ReadFrom = %d, %v, Len = %d, want %d, %v", tt.name, n, err, c.Len(), tt.n, tt.err)
		}
		c.Reset()
	}
	for _, bad := range []int{-1, 1 << 30} {
		c := &bufpool.Chain{Pool: p}
		if n, err := c.ReadFrom(countReader(bad)); n != 0 || err == nil || c.Len() != 0 {
			t.Errorf("a reader that returns %d: ReadFrom = %d, %v, Len = %d", bad, n, err, c.Len())
		}
	}
}

// countReader reads nothing and returns its value for a count.
type countReader int

func (r countReader) Read([]byte) (int, error) { return int(r), nil }

func TestChainWriteToWriters(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	var out bytes.Buffer
	c := chainOf(t, p, "some ", "bytes ", "here")
	if n, err := c.WriteTo(&out); n != 15 || err != nil || out.String() != "some bytes here" || c.Len() != 0 {
		t.Errorf("WriteTo = %d, %v, wrote %q, Len = %d", n, err, out.String(), c.Len())
	}

	gathered := &gather{}
	c = chainOf(t, p, "some ", "bytes ", "here")
	if n, err := c.WriteTo(gathered); n != 15 || err != nil || gathered.calls != 1 || gathered.String() != "some bytes here" {
		t.Errorf("WriteTo = %d, %v in %d calls, wrote %q", n, err, gathered.calls, gathered.String())
	}

	// What was not accepted stays, to be tried again.
	c = chainOf(t, p, "some ", "bytes ", "here")
	gathered = &gather{most: 7}
	if n, err := c.WriteTo(gathered); n != 7 || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("WriteTo = %d, %v, want 7, io.ErrShortWrite", n, err)
	}
	checkChain(t, c, "tes here", 2)
	for _, bad := range []int{-1, 1 << 30} {
		if n, err := c.WriteTo(countWriter(bad)); n != 0 || err == nil {
			t.Errorf("a writer that returns %d: WriteTo = %d, %v", bad, n, err)
		}
	}
	checkChain(t, c, "tes here", 2)
	if n, err := (&bufpool.Chain{}).WriteTo(countWriter(-1)); n != 0 || err != nil {
		t.Errorf("WriteTo of an empty Chain = %d, %v", n, err)
	}
	c.Reset()
}

// gather takes several buffers at once, up to most bytes if that is not 0.
type gather struct {
	bytes.Buffer
	most, calls int
}

func (g *gather) Writev(bufs [][]byte) (int64, error) {
	g.calls++
	all := bytes.Join(bufs, nil)
	if g.most > 0 {
		all = all[:min(g.most, len(all))]
	}
	n, err := g.Write(all)
	return int64(n), err
}

// countWriter writes nothing and returns its value for a count.
type countWriter int

func (w countWriter) Write([]byte) (int, error) { return int(w), nil }

// socketPair returns the two ends of a connected stream socket.
func socketPair(t *testing.T, network string) (a, b net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "chain") // shorter than t.TempDir, as paths of sockets must be
		must(t, err)
		t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
		address = filepath.Join(dir, "s")
	}
	l, err := net.Listen(network, address)
	must(t, err)
	defer l.Close()
	a, err = net.Dial(network, l.Addr().String())
	must(t, err)
	b, err = l.Accept()
	must(t, err)
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	return a, b
}

// A Chain through a socket whose buffers are far smaller than the Chain: every
// system call accepts a part.
func TestChainThroughSockets(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			a, b := socketPair(t, network)
			if s, ok := a.(interface{ SetWriteBuffer(int) error }); ok {
				must(t, s.SetWriteBuffer(4096))
			}
			random := rand.New(rand.NewPCG(1, 2))
			var sent bytes.Buffer
			done := make(chan error, 1)
			var got bytes.Buffer
			go func() {
				_, err := got.ReadFrom(iotest.HalfReader(b))
				done <- err
			}()
			c := &bufpool.Chain{Pool: p}
			for range 5 {
				for range 1 + random.IntN(1500) { // beyond IOV_MAX at times
					buf := p.Lease(0, random.IntN(700), 0)
					for i := range buf.Bytes() {
						buf.Bytes()[i] = byte(random.Uint32())
					}
					sent.Write(buf.Bytes())
					c.Push(buf)
				}
				want := int64(c.Len())
				if n, err := c.WriteTo(a); n != want || err != nil {
					t.Fatalf("WriteTo = %d, %v, want %d", n, err, want)
				}
			}
			must(t, a.Close())
			must(t, <-done)
			if !bytes.Equal(got.Bytes(), sent.Bytes()) {
				t.Errorf("%d bytes arrived, %d were sent, or they differ", got.Len(), sent.Len())
			}
		})
	}
}

// Over a conn that writes short and times out at many offsets, going on after
// each error delivers every byte once.
func TestChainOverFaults(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	random := rand.New(rand.NewPCG(3, 4))
	for seed := range uint64(30) {
		a, b := faultconn.Pair(0)
		var faults []faultconn.Fault
		for at := int64(0); at < 4000; at += random.Int64N(400) {
			faults = append(faults, faultconn.Fault{After: at, Kind: faultconn.Timeout})
		}
		w := faultconn.Wrap(a, faultconn.Plan{Write: faultconn.Script{MaxBytes: 97, Seed: seed + 1, Short: true, Faults: faults}})
		c := &bufpool.Chain{Pool: p}
		var sent bytes.Buffer
		for range 20 {
			buf := p.Lease(0, 1+random.IntN(300), 0)
			for i := range buf.Bytes() {
				buf.Bytes()[i] = byte(random.Uint32())
			}
			sent.Write(buf.Bytes())
			c.Push(buf)
		}
		for c.Len() > 0 {
			if _, err := c.WriteTo(w); err != nil && !errors.Is(err, io.ErrShortWrite) && !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
		}
		must(t, w.CloseWrite())
		got, err := io.ReadAll(b)
		must(t, err)
		if !bytes.Equal(got, sent.Bytes()) {
			t.Fatalf("seed %d: %d bytes arrived, %d were sent, or they differ", seed, len(got), sent.Len())
		}
		must(t, w.Close())
		must(t, b.Close())
	}
}

func TestChainWriteToResetConn(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	a, b := faultconn.Pair(0)
	w := faultconn.Wrap(a, faultconn.Plan{Write: faultconn.Script{Faults: []faultconn.Fault{{After: 7, Kind: faultconn.Reset}}}})
	c := chainOf(t, p, "some ", "bytes ", "here")
	if n, err := c.WriteTo(w); n != 7 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("WriteTo = %d, %v, want 7, ECONNRESET", n, err)
	}
	checkChain(t, c, "tes here", 2)
	c.Reset()
	must(t, w.Close())
	must(t, b.Close())
}

func TestChainWriteToAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("under -race sync.Pool drops one Put in four")
	}
	if debugEnabled {
		t.Skip("the debug build records stacks")
	}
	p := mustNew(t, bufpool.Config{})
	a, b := socketPair(t, "tcp")
	go io.Copy(io.Discard, b)
	c := &bufpool.Chain{Pool: p}
	send := func() {
		for range 4 {
			c.Push(p.Lease(0, 100, 0))
		}
		if _, err := c.WriteTo(a); err != nil {
			t.Error(err)
		}
	}
	send()
	if got := testing.AllocsPerRun(200, send); got != 0 {
		t.Errorf("Push and WriteTo allocate %v times, want 0", got)
	}
}
