package aead_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/internal/peel"
	"github.com/headrace-go/headrace/internal/testcert"
)

func mustGate(t testing.TB, cfg aead.GateConfig) *aead.Gate {
	t.Helper()
	g, err := aead.NewGate(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGateLimitsAndOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, aead.GateConfig{Limit: 3})
		var running, most atomic.Int64
		var order []int
		var mu sync.Mutex
		for i := range 30 {
			go func() {
				err := g.Do(t.Context(), func() error {
					most.Store(max(most.Load(), running.Add(1)))
					mu.Lock()
					order = append(order, i)
					mu.Unlock()
					time.Sleep(time.Second)
					running.Add(-1)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		if s := g.Stats(); s.Running != 3 || s.Waiting != 27 {
			t.Errorf("Stats = %+v, want 3 running, 27 waiting", s)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if most.Load() != 3 {
			t.Errorf("%d at a time, want 3", most.Load())
		}
		if s := g.Stats(); s != (aead.GateStats{Passed: 30}) {
			t.Errorf("Stats = %+v after all", s)
		}
		// Of those that enter at the same instant any may be first.
		for i := 0; i < len(order); i += 3 {
			slices.Sort(order[i : i+3])
		}
		if !slices.IsSorted(order) {
			t.Errorf("order %v", order)
		}
	})
}

func TestGateRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, aead.GateConfig{Limit: 1, MaxWaiting: 2})
		release := make(chan struct{})
		failed := errors.New("the computation's own")
		results := make(chan error, 10)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { results <- g.Do(ctx, func() error { <-release; return failed }) }()
		synctest.Wait()
		for range 2 {
			go func() { results <- g.Do(ctx, func() error { t.Error("called"); return nil }) }()
		}
		synctest.Wait()
		if err := g.Do(ctx, func() error { t.Error("called"); return nil }); !errors.Is(err, aead.ErrGateFull) {
			t.Errorf("Do with two waiting = %v", err)
		}
		cancel()
		for range 2 {
			if err := <-results; !errors.Is(err, context.Canceled) {
				t.Errorf("Do of one who waits, cancelled = %v", err)
			}
		}
		close(release)
		if err := <-results; err != failed {
			t.Errorf("Do = %v, want the computation's error", err)
		}
		if s := g.Stats(); s != (aead.GateStats{Passed: 1, Refused: 1}) {
			t.Errorf("Stats = %+v", s)
		}
		none := mustGate(t, aead.GateConfig{Limit: 1, MaxWaiting: -1})
		err := none.Do(t.Context(), func() error { return none.Do(t.Context(), func() error { return nil }) })
		if !errors.Is(err, aead.ErrGateFull) {
			t.Errorf("Do of one too many, with no waiting = %v", err)
		}
		if !panics(func() { _ = none.Do(t.Context(), func() error { panic("computation") }) }) || none.Stats().Running != 0 {
			t.Error("a panic does not pass, or keeps its place")
		}
	})
	if _, err := aead.NewGate(aead.GateConfig{Limit: -1}); !errors.Is(err, aead.ErrConfig) {
		t.Errorf("NewGate for -1 = %v", err)
	}
}

// One who waits for its peer does not keep others out.
func TestGateHandshakeGivesItsPlaceUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, aead.GateConfig{Limit: 1})
		here, there := net.Pipe()
		defer here.Close()
		defer there.Close()
		result := make(chan error, 1)
		go func() {
			result <- g.Handshake(t.Context(), here, func(c net.Conn) error {
				if g.Stats().Running != 1 {
					t.Error("not inside at its beginning")
				}
				b := make([]byte, 1)
				_, err := c.Read(b)
				if g.Stats().Running != 1 {
					t.Error("not inside again after Read")
				}
				return err
			})
		}()
		synctest.Wait()
		if n := g.Stats().Running; n != 0 {
			t.Fatalf("%d running while the handshake waits for its peer", n)
		}
		busy := make(chan struct{})
		go func() { _ = g.Do(t.Context(), func() error { <-busy; return nil }) }()
		synctest.Wait()
		if _, err := there.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case err := <-result:
			t.Fatalf("the handshake went on beside another: %v", err)
		default:
		}
		close(busy)
		if err := <-result; err != nil {
			t.Errorf("Handshake = %v", err)
		}
		if n := g.Stats().Running; n != 0 {
			t.Errorf("%d running after all", n)
		}
	})
}

// Two ends that block each other's writes, at a gate for one.
func TestGateBothEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, aead.GateConfig{Limit: 1})
		here, there := net.Pipe()
		var wg sync.WaitGroup
		for _, raw := range []net.Conn{here, there} {
			wg.Go(func() {
				err := g.Handshake(t.Context(), raw, func(c net.Conn) error {
					for i := range 5 {
						if (raw == here) == (i%2 == 0) {
							if _, err := c.Write(make([]byte, 100)); err != nil {
								return err
							}
							continue
						}
						// In two reads: the writer is in its Write meanwhile.
						if _, err := io.ReadFull(c, make([]byte, 50)); err != nil {
							return err
						}
						if _, err := io.ReadFull(c, make([]byte, 50)); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := g.Stats().Running; n != 0 {
			t.Errorf("%d running after all", n)
		}
	})
}

func TestGateHandshakeContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, aead.GateConfig{Limit: 1})
		here, there := net.Pipe()
		defer here.Close()
		ctx, cancel := context.WithCancel(t.Context())
		busy := make(chan struct{})
		result := make(chan error, 1)
		go func() {
			result <- g.Handshake(ctx, here, func(c net.Conn) error {
				go func() { _ = g.Do(context.Background(), func() error { <-busy; return nil }) }()
				n, err := c.Read(make([]byte, 4))
				if n != 1 || !errors.Is(err, context.Canceled) {
					t.Errorf("Read, cancelled while it waits for its turn = %d, %v", n, err)
				}
				return err
			})
		}()
		synctest.Wait()
		go func() { _, _ = there.Write([]byte("x")) }()
		synctest.Wait()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("Handshake = %v", err)
		}
		close(busy)
		synctest.Wait()
		// A peer that goes away while it is waited for.
		here2, there2 := net.Pipe()
		there2.Close()
		err := g.Handshake(t.Context(), here2, func(c net.Conn) error {
			_, err := c.Read(make([]byte, 1))
			return err
		})
		if err != io.EOF || g.Stats().Running != 0 {
			t.Errorf("Handshake with a closed peer = %v, %d running", err, g.Stats().Running)
		}
		if err := g.Handshake(ctx, here2, func(net.Conn) error { return nil }); err != nil {
			t.Errorf("a free gate does not look at the context: %v", err)
		}
	})
}

// Real handshakes over TCP, and the connection is a socket again afterwards.
func TestGateTLS(t *testing.T) {
	g := mustGate(t, aead.GateConfig{Limit: 1})
	cert := testcert.New("gate.test").Certificate
	var wg sync.WaitGroup
	for range 8 {
		a, b := tcpPair(t)
		wg.Go(func() {
			client := tls.Client(a, &tls.Config{InsecureSkipVerify: true})
			if _, err := client.Write([]byte("hello")); err != nil {
				t.Error(err)
			}
			if err := client.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			var server *tls.Conn
			err := g.Handshake(t.Context(), b, func(c net.Conn) error {
				if _, ok := peel.Stream(c); ok {
					t.Error("transparent during the handshake")
				}
				server = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}})
				return server.HandshakeContext(t.Context())
			})
			if err != nil {
				t.Error(err)
				return
			}
			if s, ok := peel.Stream(server.NetConn()); !ok || s.Conn != b {
				t.Error("no socket after the handshake")
			}
			if got, err := io.ReadAll(server); err != nil || string(got) != "hello" {
				t.Errorf("read %q, %v", got, err)
			}
		})
	}
	wg.Wait()
	if s := g.Stats(); s.Running != 0 || s.Passed != 8 {
		t.Errorf("Stats = %+v", s)
	}
}

// BenchmarkHandshakeStorm is a data path, 64 bytes sealed there and back over
// loopback, beside a storm of TLS handshakes: its delays in percentiles, and
// how many handshakes were made meanwhile.
func BenchmarkHandshakeStorm(b *testing.B) {
	for _, impl := range []string{"quiet", "naive", "gate"} {
		b.Run("impl="+impl, func(b *testing.B) { benchmarkStorm(b, impl) })
	}
}

func benchmarkStorm(b *testing.B, impl string) {
	a := mustAEAD(b, aead.AES256GCM)
	near, far := tcpPair(b)
	client := mustConn(b, near, chunkConfig(a, nil))
	server := mustConn(b, far, chunkConfig(a, nil))
	go func() {
		buf := make([]byte, 1024)
		for {
			n, err := server.Read(buf)
			if err == nil {
				_, err = server.Write(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	stop := make(chan struct{})
	var handshakes atomic.Int64
	var storm sync.WaitGroup
	if impl != "quiet" {
		gate := mustGate(b, aead.GateConfig{Limit: 1})
		cert := testcert.New("gate.test").Certificate
		for range 64 {
			storm.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						oneHandshake(b, gate, impl == "gate", cert)
						handshakes.Add(1)
					}
				}
			})
		}
	}
	var delays []time.Duration
	buf := make([]byte, 64)
	for b.Loop() {
		start := time.Now()
		if _, err := client.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(client, buf); err != nil {
			b.Fatal(err)
		}
		delays = append(delays, time.Since(start))
	}
	elapsed := b.Elapsed()
	close(stop)
	storm.Wait()
	_ = client.Close()
	_ = server.Close()
	slices.Sort(delays)
	b.ReportMetric(float64(delays[len(delays)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(delays[len(delays)*99/100].Nanoseconds()), "p99-ns")
	b.ReportMetric(float64(handshakes.Load())/elapsed.Seconds(), "handshakes/s")
}

// oneHandshake makes both ends of a handshake over an in-memory connection;
// the server's goes through the gate, or not.
func oneHandshake(b *testing.B, gate *aead.Gate, gated bool, cert tls.Certificate) {
	c, s := net.Pipe()
	done := make(chan error, 1)
	shake := func(conn net.Conn, make func(net.Conn) *tls.Conn) error {
		if gated {
			return gate.Handshake(context.Background(), conn, func(c net.Conn) error { return make(c).Handshake() })
		}
		return make(conn).Handshake()
	}
	go func() {
		err := shake(c, func(c net.Conn) *tls.Conn { return tls.Client(c, &tls.Config{InsecureSkipVerify: true}) })
		if err == nil {
			_, _ = io.Copy(io.Discard, c) // tickets
		}
		done <- err
	}()
	err := shake(s, func(c net.Conn) *tls.Conn {
		return tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}})
	})
	_ = s.Close()
	if err := errors.Join(err, <-done); err != nil {
		b.Error(err)
	}
	_ = c.Close()
}
