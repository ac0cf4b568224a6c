package aead_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/internal/faultconn"
)

// connPair returns two ChunkConns over the two ends of raw.
func connPair(t testing.TB, raw1, raw2 net.Conn, l *ledger) (c1, c2 *aead.ChunkConn) {
	t.Helper()
	cfg := chunkConfig(mustAEAD(t, aead.AES128GCM), l)
	seal := cfg.Seal
	cfg.PrefixSize = 16
	cfg.Seal = func() ([]byte, *aead.Sealer, error) {
		_, s, err := seal()
		return make([]byte, 16), s, err
	}
	return mustConn(t, raw1, cfg), mustConn(t, raw2, cfg)
}

func TestConnOverTCP(t *testing.T) {
	testConn(t, func() (net.Conn, net.Conn) {
		a, b := tcpPair(t)
		return a, b
	})
}

func TestConnOverPipe(t *testing.T) { testConn(t, net.Pipe) }

// Over a wrapper that is not transparent the portable paths are taken.
func TestConnOverWrapper(t *testing.T) {
	testConn(t, func() (net.Conn, net.Conn) {
		a, b := tcpPair(t)
		return struct{ net.Conn }{a}, struct{ net.Conn }{b}
	})
}

func testConn(t *testing.T, raw func() (net.Conn, net.Conn)) {
	l := newLedger()
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		r1, r2 := raw()
		c1, c2 := connPair(t, r1, r2, l)
		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	})
	// Some of its goroutines are still on their way out.
	for buffers, _ := l.held(); buffers > 0; buffers, _ = l.held() {
		runtime.Gosched()
	}
	l.check(t, 0)
}

// The end of one direction goes through, and the other goes on.
func TestHalfClose(t *testing.T) {
	raw1, raw2 := tcpPair(t)
	l := newLedger()
	c1, c2 := connPair(t, raw1, raw2, l)
	defer c1.Close()
	defer c2.Close()
	for _, end := range []struct{ from, to *aead.ChunkConn }{{c1, c2}, {c2, c1}} {
		want := randomBytes(1, 100000)
		go func() {
			if _, err := end.from.Write(want); err != nil {
				t.Error(err)
			}
			if err := end.from.CloseWrite(); err != nil {
				t.Error(err)
			}
		}()
		got, err := io.ReadAll(end.to)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	l.check(t, 0)
}

// A stream that nothing was written to ends cleanly at the other side.
func TestCloseWriteOfAnEmptyStream(t *testing.T) {
	raw1, raw2 := tcpPair(t)
	c1, c2 := connPair(t, raw1, raw2, nil)
	if err := c1.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := c2.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read = %d, %v, want io.EOF", n, err)
	}
}

func TestHalfCloseUnsupported(t *testing.T) {
	raw1, raw2 := net.Pipe()
	c1, c2 := connPair(t, raw1, raw2, nil)
	defer c1.Close()
	defer c2.Close()
	if err := c1.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("CloseWrite over a net.Pipe = %v", err)
	}
	if err := c1.CloseRead(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("CloseRead over a net.Pipe = %v", err)
	}
}

// After CloseRead the stream ends, even inside a chunk.
func TestCloseRead(t *testing.T) {
	needsSockets(t)
	raw1, raw2 := tcpPair(t)
	l := newLedger()
	c, err := aead.NewChunkConn(raw2, chunkConfig(mustAEAD(t, aead.AES128GCM), l))
	if err != nil {
		t.Fatal(err)
	}
	wire := twinSeal(mustAEAD(t, aead.AES128GCM), []byte("data"))
	if _, err := raw1.Write(wire[:20]); err != nil {
		t.Fatal(err)
	}
	waitReady(t, mustWatcher(t), c)
	if n, err := c.Step(io.Discard, 100); n != 0 || err != nil {
		t.Fatalf("Step = %d, %v", n, err)
	}
	l.check(t, 1)
	if err := c.CloseRead(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read = %d, %v, want io.EOF", n, err)
	}
	if _, err := c.Write([]byte("still there")); err != nil {
		t.Errorf("Write after CloseRead: %v", err)
	}
	l.check(t, 0)
}

// Abort is a reset for the peer, and closes.
func TestAbort(t *testing.T) {
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"bare":        func(c net.Conn) net.Conn { return c },
		"transparent": func(c net.Conn) net.Conn { return transparent{c} },
		"own Abort":   func(c net.Conn) net.Conn { return aborter{c} },
	} {
		raw1, raw2 := tcpPair(t)
		l := newLedger()
		c1, c2 := connPair(t, wrap(raw1), raw2, l)
		if _, err := c1.Write([]byte("data")); err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 100)
		if n, err := c2.Read(p); n != 4 || err != nil {
			t.Fatalf("Read = %d, %v", n, err)
		}
		if err := c1.Abort(); err != nil {
			t.Errorf("%s: Abort = %v", name, err)
		}
		if n, err := c2.Read(p); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: Read at the peer = %d, %v, want ECONNRESET", name, n, err)
		}
		if _, err := c1.Write(p); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: Write after Abort = %v", name, err)
		}
		if _, err := c1.Read(p); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: Read after Abort = %v", name, err)
		}
		c2.Close()
		l.check(t, 0)
	}
}

type transparent struct{ net.Conn }

func (c transparent) TransparentConn() (net.Conn, func(read, written int64)) { return c.Conn, nil }

type aborter struct{ net.Conn }

func (c aborter) Abort() error {
	_ = c.Conn.(*net.TCPConn).SetLinger(0)
	return c.Conn.Close()
}

// Close lets go of all memory, whatever the stream was doing.
func TestCloseReleasesEverything(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	wire := append(make([]byte, 16), twinSeal(a, randomBytes(1, 9000), randomBytes(2, 9000))...)
	for end := 1; end <= len(wire); end += 1000 {
		for _, reads := range []int{0, 1, 9000, 9001} {
			raw1, raw2 := tcpPair(t)
			l := newLedger()
			_, c := connPair(t, raw1, raw2, l)
			if _, err := raw1.Write(wire[:end]); err != nil {
				t.Fatal(err)
			}
			if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
			if end == len(wire) {
				_ = c.SetReadDeadline(time.Time{})
			}
			if reads > 0 {
				_, _ = io.ReadAtLeast(c, make([]byte, reads), 1)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			l.check(t, 0)
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("Read after Close = %v", err)
			}
			if _, err := c.WriteTo(io.Discard); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("WriteTo after Close = %v", err)
			}
			if _, err := c.Step(io.Discard, 1); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("Step after Close = %v", err)
			}
			if _, err := c.ReadFrom(bytes.NewReader([]byte("x"))); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("ReadFrom after Close = %v", err)
			}
			if err := c.CloseWrite(); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("CloseWrite after Close = %v", err)
			}
			woken := false
			if c.Ready(nil, func() { woken = true }); !woken {
				t.Fatal("Ready after Close did not wake")
			}
			l.check(t, 0)
		}
	}
}

// Close ends what is under way, and waits for nobody.
func TestCloseUnblocks(t *testing.T) {
	for name, block := range map[string]func(c *aead.ChunkConn) error{
		"Read":    func(c *aead.ChunkConn) error { _, err := c.Read(make([]byte, 10)); return err },
		"WriteTo": func(c *aead.ChunkConn) error { _, err := c.WriteTo(io.Discard); return err },
		"Write": func(c *aead.ChunkConn) error {
			for {
				if _, err := c.Write(make([]byte, 1<<20)); err != nil {
					return err
				}
			}
		},
		"ReadFrom": func(c *aead.ChunkConn) error {
			_, err := c.ReadFrom(forever{})
			return err
		},
	} {
		raw1, raw2 := tcpPair(t)
		l := newLedger()
		c, _ := connPair(t, raw1, raw2, l)
		started := make(chan struct{})
		done := make(chan error, 1)
		go func() {
			close(started)
			done <- block(c)
		}()
		<-started
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s ended with %v, want net.ErrClosed", name, err)
		}
		l.check(t, 0)
	}
}

// forever is a source without an end.
type forever struct{}

func (forever) Read(p []byte) (int, error) { return len(p), nil }

// A WriteTo that is stuck in its destination does not keep Close waiting.
func TestCloseWhileDeliveryIsStuck(t *testing.T) {
	raw1, raw2 := tcpPair(t)
	l := newLedger()
	c1, c2 := connPair(t, raw1, raw2, l)
	defer c1.Close()
	if _, err := c1.Write([]byte("data")); err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := c2.WriteTo(writerFunc(func(p []byte) (int, error) {
			close(entered)
			<-leave
			if string(p) != "data" {
				t.Errorf("the destination's bytes became %q", p)
			}
			return len(p), nil
		}))
		done <- err
	}()
	<-entered
	if err := c2.Close(); err != nil {
		t.Fatal(err)
	}
	l.check(t, 1) // still lent to the destination
	close(leave)
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("WriteTo ended with %v", err)
	}
	l.check(t, 0)
}

// Whatever happens to the connection below, at whichever byte: what arrives is
// a beginning of what was sent, nothing is taken for a clean end that is none,
// missed deadlines cost nothing, and all memory goes back.
func TestFaultsAtEveryByte(t *testing.T) {
	want := randomBytes(1, 150)
	wire := int64(16 + len(want) + 3*aead.ChunkOverhead)
	kinds := []faultconn.Kind{faultconn.Timeout, faultconn.End, faultconn.Reset}
	for _, kind := range kinds {
		for after := range wire {
			script := faultconn.Script{MaxBytes: 40, Faults: []faultconn.Fault{
				{After: after, Kind: kind}, {After: after, Kind: kind},
			}}
			for name, plans := range map[string][2]faultconn.Plan{
				"writer": {{Write: script}, {}},
				"reader": {{}, {Read: script}},
			} {
				l := newLedger()
				raw1, raw2 := faultconn.Pair(0)
				c1, c2 := connPair(t, faultconn.Wrap(raw1, plans[0]), faultconn.Wrap(raw2, plans[1]), l)
				sendErr := sendAll(c1, want)
				c1.Close()
				got, err := readAll(c2)
				c2.Close()
				lost := len(got) < len(want)
				switch {
				case !bytes.HasPrefix(want, got),
					kind == faultconn.Timeout && (lost || err != nil || sendErr != nil),
					kind != faultconn.Timeout && lost && err == nil && sendErr == nil && !betweenChunks(after),
					kind == faultconn.Reset && !errors.Is(errors.Join(err, sendErr), syscall.ECONNRESET):
					t.Fatalf("%v at byte %d of the %s: %d of %d bytes, sent %v, read %v", kind, after, name, len(got), len(want), sendErr, err)
				}
				l.check(t, 0)
			}
		}
	}
}

// betweenChunks reports whether a stream of sendAll's can end cleanly after n
// bytes.
func betweenChunks(n int64) bool {
	return n == 0 || n >= 16 && (n-16)%(50+aead.ChunkOverhead) == 0
}

// sendAll sends p in three writes, and goes on after missed deadlines.
func sendAll(c *aead.ChunkConn, p []byte) error {
	for _, piece := range cut(p, 50, 50) {
		for len(piece) > 0 {
			n, err := c.Write(piece)
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				return err
			}
			piece = piece[n:]
		}
	}
	for {
		if err := c.CloseWrite(); !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

// readAll is io.ReadAll that goes on after missed deadlines.
func readAll(c *aead.ChunkConn) ([]byte, error) {
	var all []byte
	p := make([]byte, 60)
	for {
		n, err := c.Read(p)
		all = append(all, p[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return all, err
		}
	}
}

func TestWriteDeadlineInThePast(t *testing.T) {
	raw1, raw2 := tcpPair(t)
	c1, c2 := connPair(t, raw1, raw2, nil)
	if err := c1.SetWriteDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n, err := c1.Write([]byte("never"))
		var ne net.Error
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("Write = %d, %v, want a timeout", n, err)
		}
		if n, err := c1.Writev([][]byte{[]byte("never")}); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Writev = %d, %v, want a timeout", n, err)
		}
	}
	if err := c1.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c1.Write([]byte("data")); err != nil {
		t.Fatal(err)
	}
	_ = c1.CloseWrite()
	if got, err := io.ReadAll(c2); string(got) != "data" || err != nil {
		t.Errorf("ReadAll = %q, %v", got, err)
	}
}

// A chain of two streams: everything that WriteTo and ReadFrom can do, both
// ways at once, through io.Copy.
func TestChain(t *testing.T) {
	l := newLedger()
	in1, in2 := tcpPair(t)
	out1, out2 := tcpPair(t)
	client, front := connPair(t, in1, in2, l)
	back, server := connPair(t, out1, out2, l)
	want := [2][]byte{randomBytes(1, 3<<20), randomBytes(2, 2<<20)}
	var wg sync.WaitGroup
	for _, dir := range []struct {
		from, to   *aead.ChunkConn
		entry, end *aead.ChunkConn
		want       []byte
	}{{front, back, client, server, want[0]}, {back, front, server, client, want[1]}} {
		wg.Go(func() {
			if _, err := io.Copy(dir.to, dir.from); err != nil {
				t.Error(err)
			}
			if err := dir.to.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := io.Copy(dir.entry, bytes.NewReader(dir.want)); err != nil {
				t.Error(err)
			}
			if err := dir.entry.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if got, err := io.ReadAll(dir.end); err != nil || !bytes.Equal(got, dir.want) {
				t.Errorf("%d bytes, %v, want %d", len(got), err, len(dir.want))
			}
		})
	}
	wg.Wait()
	for _, c := range []*aead.ChunkConn{client, front, back, server} {
		opened, sealed := c.Stats()
		if sum := opened.Bytes + sealed.Bytes; sum != uint64(len(want[0])+len(want[1])) {
			t.Errorf("Stats = %+v, %+v", opened, sealed)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	l.check(t, 0)
}

// TestTrim: what a stream gives up while it is idle it makes anew, whatever runs
// at the same time.
func TestTrim(t *testing.T) {
	for _, suite := range []aead.Suite{aead.AES128GCM, aead.AES256GCM, aead.ChaCha20Poly1305} {
		raw1, raw2 := tcpPair(t)
		cfg := chunkConfig(mustAEAD(t, suite), newLedger())
		c1, c2 := mustConn(t, raw1, cfg), mustConn(t, raw2, cfg)
		c1.Trim() // before there is anything to give up
		stop := make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					c1.Trim()
					c2.Trim()
				}
			}
		})
		want := randomBytes(2, 1<<20)
		group.Go(func() {
			if _, err := c1.Write(want); err != nil {
				t.Error(err)
			}
		})
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c2, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: other bytes arrive beside Trim, or %v", suite, err)
		}
		close(stop)
		group.Wait()
		c1.Close()
		c2.Close()
	}
}
