package vecio_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/vecio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A leg is one side of a relay under test: outer is the peer's end, inner is
// what the relay is given.
type leg struct{ outer, inner net.Conn }

// socketLeg returns a leg over network "tcp" or "unix".
func socketLeg(t testing.TB, network string) leg {
	t.Helper()
	outer, inner := faultconn.Sockets(t, network)
	return leg{outer, inner}
}

func memoryLeg(testing.TB) leg {
	outer, inner := faultconn.Pair(0)
	return leg{outer, inner}
}

// legs are the kinds of ends that a relay meets.
var legs = []struct {
	name string
	make func(t testing.TB) leg
}{
	{"tcp", func(t testing.TB) leg { return socketLeg(t, "tcp") }},
	{"unix", func(t testing.TB) leg { return socketLeg(t, "unix") }},
	{"memory", memoryLeg},
	{"ready", func(t testing.TB) leg {
		l := socketLeg(t, "tcp")
		return leg{l.outer, newReadyConn(l.inner)}
	}},
	{"wrapped", func(t testing.TB) leg {
		l := socketLeg(t, "tcp")
		return leg{l.outer, &counted{Conn: l.inner}}
	}},
	{"layered", func(t testing.TB) leg {
		l := socketLeg(t, "tcp")
		return leg{newXorConn(l.outer), newXorConn(l.inner)}
	}},
	{"tls", func(t testing.TB) leg {
		outer, inner := tcpPair(t, bareEnd, layeredEnd, tls.VersionTLS13)
		return leg{outer.Conn, inner.Conn}
	}},
}

// eachPair runs f over every combination of ends, by the raw paths, by the
// portable ones, and with a Parker that takes every chance.
func eachPair(t *testing.T, f func(t *testing.T, a, b leg, cfg vecio.RelayConfig)) {
	modes := []struct {
		name string
		cfg  func(t *testing.T) vecio.RelayConfig
	}{
		{"raw", func(*testing.T) vecio.RelayConfig { return vecio.RelayConfig{} }},
		{"portable", func(*testing.T) vecio.RelayConfig { return vecio.Portable(vecio.RelayConfig{}) }},
		{"parked", func(t *testing.T) vecio.RelayConfig {
			return vecio.RelayConfig{Parker: newParker(t), ParkAfter: time.Microsecond}
		}},
	}
	for _, x := range legs {
		for _, y := range legs {
			if x.name != y.name && (x.name == "tls" && y.name != "tcp" || y.name == "tls" && x.name != "tcp") {
				continue // "layered" stands for it
			}
			for _, mode := range modes {
				t.Run(x.name+"-"+y.name+"/"+mode.name, func(t *testing.T) {
					f(t, x.make(t), y.make(t), mode.cfg(t))
				})
			}
		}
	}
}

func newParker(t testing.TB) *vecio.Parker {
	t.Helper()
	p, err := vecio.NewParker()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

type result struct {
	stats vecio.RelayStats
	err   error
}

// start starts a relay and returns where its result will come.
func start(t testing.TB, ctx context.Context, a, b leg, cfg vecio.RelayConfig) <-chan result {
	t.Helper()
	done := make(chan result, 2)
	err := vecio.Start(ctx, a.inner, b.inner, cfg, func(s vecio.RelayStats, err error) {
		done <- result{s, err}
	})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func random(n int, seed uint64) []byte {
	b := make([]byte, n)
	var key [32]byte
	key[0] = byte(seed)
	rand.NewChaCha8(key).Read(b)
	return b
}

// send writes data in pieces of all sizes and then ends the stream.
func send(c net.Conn, data []byte) error {
	rnd := rand.New(rand.NewPCG(1, uint64(len(data))))
	for len(data) > 0 {
		n := min(len(data), 1+rnd.IntN(1<<rnd.IntN(19)))
		if _, err := c.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return c.(interface{ CloseWrite() error }).CloseWrite()
}

func TestRelayMovesEveryByteBothWays(t *testing.T) {
	eachPair(t, func(t *testing.T, a, b leg, cfg vecio.RelayConfig) {
		var meter vecio.Meter
		cfg.Meter = &meter
		done := start(t, t.Context(), a, b, cfg)
		up, down := random(300<<10, 1), random(3<<20, 2) // one of them bulk
		sent := make(chan error, 2)
		go func() { sent <- send(a.outer, up) }()
		go func() { sent <- send(b.outer, down) }()
		got := make(chan []byte)
		go func() {
			data, _ := io.ReadAll(b.outer)
			got <- data
		}()
		gotDown, err := io.ReadAll(a.outer)
		if err != nil || !bytes.Equal(gotDown, down) {
			t.Errorf("a got %d bytes, %v, want the %d of b", len(gotDown), err, len(down))
		}
		if gotUp := <-got; !bytes.Equal(gotUp, up) {
			t.Errorf("b got %d bytes, want the %d of a", len(gotUp), len(up))
		}
		for range 2 {
			if err := <-sent; err != nil {
				t.Error(err)
			}
		}
		r := <-done
		if r.err != nil || r.stats.AToB.End != io.EOF || r.stats.BToA.End != io.EOF {
			t.Errorf("relay: %v, ends %v and %v, want clean ones", r.err, r.stats.AToB.End, r.stats.BToA.End)
		}
		if r.stats.AToB.Bytes != int64(len(up)) || r.stats.BToA.Bytes != int64(len(down)) {
			t.Errorf("relay counted %d and %d bytes, want %d and %d", r.stats.AToB.Bytes, r.stats.BToA.Bytes, len(up), len(down))
		}
		if u, d := meter.Moved(); u != int64(len(up)) || d != int64(len(down)) {
			t.Errorf("meter counted %d and %d bytes, want %d and %d", u, d, len(up), len(down))
		}
		for _, l := range []leg{a, b} {
			if c, ok := l.inner.(*counted); ok && c.read.Load()+c.written.Load() != int64(len(up)+len(down)) {
				t.Errorf("the wrapper counted %d read, %d written", c.read.Load(), c.written.Load())
			}
		}
		if len(done) != 0 {
			t.Error("done was called twice")
		}
	})
}

// TestRelayHalfClose: after one side has ended its stream the other may still
// talk, for as long as it likes.
func TestRelayHalfClose(t *testing.T) {
	eachPair(t, func(t *testing.T, a, b leg, cfg vecio.RelayConfig) {
		done := start(t, t.Context(), a, b, cfg)
		if err := send(a.outer, []byte("request")); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(b.outer); string(got) != "request" || err != nil {
			t.Fatalf("b got %q, %v", got, err)
		}
		buf := make([]byte, 1)
		for i := range 20 { // the end of stream came first; these come one by one
			if _, err := b.outer.Write([]byte{byte(i)}); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(a.outer, buf); err != nil || buf[0] != byte(i) {
				t.Fatalf("a got %d, %v, want %d", buf[0], err, i)
			}
		}
		b.outer.Close()
		if n, err := a.outer.Read(buf); n != 0 || err != io.EOF {
			t.Fatalf("a read %d, %v, want EOF", n, err)
		}
		if r := <-done; r.err != nil || r.stats.AToB.Bytes != 7 || r.stats.BToA.Bytes != 20 {
			t.Fatalf("relay: %+v", r)
		}
	})
}

func TestRelayPingPong(t *testing.T) {
	eachPair(t, func(t *testing.T, a, b leg, cfg vecio.RelayConfig) {
		done := start(t, t.Context(), a, b, cfg)
		buf := make([]byte, 64)
		for i := range 200 {
			from, to := a.outer, b.outer
			if i%2 == 1 {
				from, to = to, from
			}
			msg := random(1+i%64, uint64(i))
			if _, err := from.Write(msg); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(to, buf[:len(msg)]); err != nil || !bytes.Equal(buf[:len(msg)], msg) {
				t.Fatalf("message %d: %v", i, err)
			}
		}
		a.outer.Close()
		b.outer.Close()
		<-done
	})
}

// TestRelayCutIsNoEnd: a source that is reset must not look to the
// destination like one that has ended.
func TestRelayCutIsNoEnd(t *testing.T) {
	for _, portable := range []bool{false, true} {
		a, b := socketLeg(t, "tcp"), socketLeg(t, "tcp")
		cfg := vecio.RelayConfig{}
		if portable {
			cfg = vecio.Portable(cfg)
		}
		done := start(t, t.Context(), a, b, cfg)
		a.outer.Write([]byte("half a mess"))
		if _, err := io.ReadFull(b.outer, make([]byte, 11)); err != nil {
			t.Fatal(err)
		}
		a.outer.(*net.TCPConn).SetLinger(0)
		a.outer.Close()
		if n, err := b.outer.Read(make([]byte, 1)); n != 0 || err == nil || err == io.EOF {
			t.Errorf("portable %v: the destination read %d, %v, want a reset", portable, n, err)
		}
		r := <-done
		var end *vecio.EndError
		if !errors.As(r.err, &end) || end.End != vecio.A || end.Op != "read" || !errors.Is(r.err, syscall.ECONNRESET) {
			t.Errorf("portable %v: relay: %v, want a's reset", portable, r.err)
		}
		if r.stats.AToB.Bytes != 11 || r.stats.AToB.End == io.EOF || r.stats.BToA.End == io.EOF {
			t.Errorf("portable %v: stats %+v", portable, r.stats)
		}
	}
}

func TestRelayCancel(t *testing.T) {
	eachPair(t, func(t *testing.T, a, b leg, cfg vecio.RelayConfig) {
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		done := start(t, ctx, a, b, cfg)
		a.outer.Write([]byte("x"))
		io.ReadFull(b.outer, make([]byte, 1))
		cancel(cause)
		if r := <-done; r.err != cause || r.stats.AToB.End != cause || r.stats.BToA.End != cause {
			t.Fatalf("relay: %+v, want the context's cause", r)
		}
		for _, l := range []leg{a, b} {
			if _, err := l.inner.Write([]byte("x")); err == nil {
				t.Error("an end is still open")
			}
		}
	})
}

// TestRelayCancelWhileStuck cancels while the destination takes no more.
func TestRelayCancelWhileStuck(t *testing.T) {
	eachPair(t, func(t *testing.T, a, b leg, cfg vecio.RelayConfig) {
		ctx, cancel := context.WithCancel(t.Context())
		done := start(t, ctx, a, b, cfg)
		stuck := make(chan struct{})
		go func() {
			defer close(stuck)
			chunk := make([]byte, 1<<20)
			for moved := 0; moved < 16<<20; moved += len(chunk) {
				a.outer.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
				if _, err := a.outer.Write(chunk); err != nil {
					return
				}
			}
		}()
		<-stuck
		cancel()
		if r := <-done; r.err != context.Canceled {
			t.Fatalf("relay: %v, want context.Canceled", r.err)
		}
	})
}

func TestRelayRefusesNonsense(t *testing.T) {
	a, b := memoryLeg(t), memoryLeg(t)
	if _, err := vecio.Relay(t.Context(), a.inner, b.inner, vecio.RelayConfig{MaxBurst: 1000}); err == nil {
		t.Error("no error for a MaxBurst of 1000")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := vecio.Start(ctx, a.inner, b.inner, vecio.RelayConfig{}, nil); err != context.Canceled {
		t.Errorf("Start with a done context: %v, want context.Canceled", err)
	}
	if _, err := a.outer.Write(nil); err != nil {
		t.Errorf("the caller's connection is not his any more: %v", err)
	}
}

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memoryLeg(t), memoryLeg(t)
		done := start(t, t.Context(), a, b, vecio.RelayConfig{IdleTimeout: time.Minute})
		for range 3 { // traffic in one direction keeps both alive
			time.Sleep(59 * time.Second)
			a.outer.Write([]byte("x"))
			io.ReadFull(b.outer, make([]byte, 1))
		}
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("ended 1 ns before IdleTimeout")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		r := <-done
		var timeout net.Error
		if r.err != vecio.ErrIdle || !errors.Is(r.err, os.ErrDeadlineExceeded) || !errors.As(r.err, &timeout) || !timeout.Timeout() {
			t.Fatalf("relay: %v, want ErrIdle", r.err)
		}
	})
}

func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, idle := range []time.Duration{0, -1, time.Hour} {
			a, b := memoryLeg(t), memoryLeg(t)
			done := start(t, t.Context(), a, b, vecio.RelayConfig{IdleTimeout: idle, Linger: 10 * time.Second})
			a.outer.(interface{ CloseWrite() error }).CloseWrite()
			for range 3 { // the other direction goes on while it moves
				time.Sleep(9 * time.Second)
				b.outer.Write([]byte("x"))
				io.ReadFull(a.outer, make([]byte, 1))
			}
			time.Sleep(10*time.Second - 1)
			synctest.Wait()
			if len(done) != 0 {
				t.Fatal("ended 1 ns before Linger")
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if r := <-done; r.err != vecio.ErrIdle || r.stats.AToB.End != io.EOF || r.stats.BToA.End != vecio.ErrIdle {
				t.Fatalf("relay: %+v, want ErrIdle in one direction", r)
			}
		}
	})
}

func TestNoIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memoryLeg(t), memoryLeg(t)
		done := start(t, t.Context(), a, b, vecio.RelayConfig{IdleTimeout: -1, Linger: -1})
		a.outer.(interface{ CloseWrite() error }).CloseWrite()
		time.Sleep(1000 * time.Hour)
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("ended though it should wait for ever")
		}
		b.outer.Close()
		if r := <-done; r.err != nil {
			t.Fatal(r.err)
		}
	})
}

// drain reads c to its end.
func drain(c net.Conn) { _, _ = io.Copy(io.Discard, struct{ io.Reader }{c}) }

// fillUp writes to c until it takes no more for now, unless a write that is cut
// short would be the last one, as TLS has it. It returns how much of
// data that was.
func fillUp(t testing.TB, c net.Conn, data []byte) (sent int) {
	t.Helper()
	if _, final := c.(*tls.Conn); final {
		return 0
	}
	c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
	defer c.SetWriteDeadline(time.Time{})
	for sent < len(data) {
		n, err := c.Write(data[sent:min(sent+64<<10, len(data))])
		sent += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return sent
}

// slowClose is a connection whose Close takes its time.
type slowClose struct {
	*faultconn.Endpoint
	gate chan struct{}
}

func (c slowClose) Close() error {
	err := c.Endpoint.Close()
	<-c.gate
	return err
}

// TestDoneComesAfterClose: who is told that a relay has ended finds both
// connections closed, also when it was cut.
func TestDoneComesAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outer, inner := faultconn.Pair(0)
		gate := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		done := start(t, ctx, leg{outer, slowClose{inner, gate}}, memoryLeg(t), vecio.RelayConfig{})
		cancel()
		outer.Close()
		synctest.Wait()
		if len(done) != 0 {
			t.Error("done was called before Close had returned")
		}
		close(gate)
		if r := <-done; r.err != context.Canceled {
			t.Error(r.err)
		}
	})
}
