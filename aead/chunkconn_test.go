package aead_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/headrace-go/headrace/aead"
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
