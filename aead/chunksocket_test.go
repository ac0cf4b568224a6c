package aead_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/internal/readiness"
)

// Over a socket, a stream that waits holds the part of a chunk that has
// arrived and nothing else.
func TestIdleReaderHoldsAPartOfOneChunk(t *testing.T) {
	needsSockets(t)
	watch := mustWatcher(t)
	a := mustAEAD(t, aead.AES128GCM)
	peer, conn := tcpPair(t)
	l := newLedger()
	r := mustReader(t, conn, chunkConfig(a, l))
	var out bytes.Buffer

	// Nothing has arrived.
	if n, err := r.Step(&out, 1<<20); n != 0 || err != nil {
		t.Fatalf("Step = %d, %v", n, err)
	}
	l.check(t, 0)

	// Two chunks, and 1000 bytes of a third.
	payloads := cut(randomBytes(1, 36000), 10000, 10000, 16000)
	wire := twinSeal(a, payloads...)
	part := 20000 + 2*aead.ChunkOverhead + 1000
	if _, err := peer.Write(wire[:part]); err != nil {
		t.Fatal(err)
	}
	for out.Len() < 20000 {
		waitReady(t, watch, r)
		if _, err := r.Step(&out, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	for {
		n, err := r.Step(&out, 1<<20)
		if n != 0 || err != nil {
			t.Fatalf("Step = %d, %v, want nothing", n, err)
		}
		buffers, held := l.held()
		if buffers == 1 && held == 1000 {
			break
		}
		if buffers > 1 || held > 1000 {
			t.Fatalf("%d buffers of %d bytes held for 1000", buffers, held)
		}
		waitReady(t, watch, r) // not all of it had arrived
	}

	// A Read that waits holds the same.
	done := make(chan error, 1)
	go func() {
		p := make([]byte, 20000)
		n, err := io.ReadFull(r, p[:16000])
		out.Write(p[:n])
		done <- err
	}()
	for range 1000 {
		runtime.Gosched()
	}
	if _, err := peer.Write(wire[part : len(wire)-1]); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "all but the last byte is held", func() bool {
		_, held := l.held()
		return held == 16000+aead.ChunkOverhead-1
	})
	if _, err := peer.Write(wire[len(wire)-1:]); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), bytes.Join(payloads, nil)) {
		t.Error("wrong bytes")
	}
	l.check(t, 0)
}

func mustWatcher(t testing.TB) *readiness.Watcher {
	t.Helper()
	w, err := readiness.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// waitReady returns when s may have more.
func waitReady(t testing.TB, watch aead.Watcher, s interface {
	Ready(aead.Watcher, func()) (cancel func())
}) {
	t.Helper()
	woken := make(chan struct{})
	if s.Ready(watch, func() { close(woken) }) == nil {
		t.Fatal("Ready cannot watch a socket")
	}
	<-woken
}

// A read that misses its deadline loses nothing.
func TestReadDeadline(t *testing.T) {
	needsSockets(t)
	watch := mustWatcher(t)
	a := mustAEAD(t, aead.AES128GCM)
	want := randomBytes(1, 500)
	wire := twinSeal(a, want)
	peer, conn := tcpPair(t)
	l := newLedger()
	r := mustReader(t, conn, chunkConfig(a, l))
	got := make([]byte, 0, 500)
	for i := 0; i <= len(wire); i += 89 {
		if err := conn.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		n, err := r.Read(make([]byte, 10))
		var ne net.Error
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
			t.Fatalf("Read = %d, %v, want a timeout", n, err)
		}
		if err := conn.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		end := min(i+89, len(wire))
		if _, err := peer.Write(wire[i:end]); err != nil {
			t.Fatal(err)
		}
		if end == len(wire) {
			break
		}
		// Step, so that some of it is surely in the reader's hands.
		waitReady(t, watch, r)
		if n, err := r.Step(io.Discard, 1000); n != 0 || err != nil {
			t.Fatalf("Step = %d, %v", n, err)
		}
	}
	got = got[:500]
	if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("after the deadlines: %v", err)
	}
	l.check(t, 0)
}

// A reset is the end, and not taken for a clean one.
func TestPeerResets(t *testing.T) {
	needsSockets(t)
	watch := mustWatcher(t)
	a := mustAEAD(t, aead.AES128GCM)
	peer, conn := tcpPair(t)
	l := newLedger()
	r := mustReader(t, conn, chunkConfig(a, l))
	wire := twinSeal(a, []byte("data"))
	if _, err := peer.Write(wire[:30]); err != nil {
		t.Fatal(err)
	}
	waitReady(t, watch, r)
	if _, err := r.Step(io.Discard, 10); err != nil {
		t.Fatal(err)
	}
	if err := peer.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	peer.Close()
	for range 2 {
		if n, err := r.Read(make([]byte, 10)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Read = %d, %v, want ECONNRESET", n, err)
		}
	}
	l.check(t, 0)
}

// Bulk over a socket, to a socket: reads grow, and everything goes back.
func TestWriteToBetweenSockets(t *testing.T) {
	for _, limit := range []int{1 << 30, 0} { // of the budget
		a := mustAEAD(t, aead.AES128GCM)
		peer, conn := tcpPair(t)
		target, out := tcpPair(t)
		l := newLedger()
		l.limit = limit
		r := mustReader(t, conn, chunkConfig(a, l))
		want := randomBytes(1, 4<<20)
		wire := twinSeal(a, cut(want, lengths(len(want)/16383, 16383)...)...)
		go func() {
			_, _ = peer.Write(wire)
			_ = peer.CloseWrite()
		}()
		done := make(chan error, 1)
		go func() {
			n, err := r.WriteTo(out)
			if err == nil && n != int64(len(want)) {
				err = fmt.Errorf("WriteTo = %d bytes", n)
			}
			_ = out.CloseWrite()
			done <- err
		}()
		got, err := io.ReadAll(target)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes arrived, %v", len(got), err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		l.check(t, 0)
		if limit == 0 && l.peak > 3*(16<<10)+100 {
			t.Errorf("%d bytes held though the budget refused", l.peak)
		}
	}
}

// One destination after the other, of every kind: none is taken for another.
func TestStepChangesDestination(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	wire := twinSeal(a, cut(randomBytes(1, 600), lengths(60, 10)...)...)
	cfg := chunkConfig(a, nil)
	cfg.Received = wire
	r := mustReader(t, newLayered(nil), cfg)
	near1, far1 := tcpPair(t)
	near2, far2 := tcpPair(t)
	bare := func(far net.Conn) func() []byte {
		return func() []byte {
			p := make([]byte, 10)
			if _, err := io.ReadFull(far, p); err != nil {
				t.Error(err)
			}
			return p
		}
	}
	var buf bytes.Buffer
	taken := func() []byte { return buf.Next(10) }
	want := randomBytes(1, 600)
	for i := range 60 {
		dst, got := []struct {
			dst io.Writer
			got func() []byte
		}{
			{near1, bare(far1)},
			{near2, bare(far2)},
			{transparent{near1}, bare(far1)},
			{&transparent{near2}, bare(far2)},
			{&buf, taken},
			{near1, bare(far1)},
		}[i%6], []byte(nil)
		if n, err := r.Step(dst.dst, 1); n != 10 || err != nil {
			t.Fatalf("Step %d = %d, %v", i, n, err)
		}
		if got = dst.got(); !bytes.Equal(got, want[10*i:][:10]) {
			t.Fatalf("Step %d brought %x", i, got)
		}
	}
}

// ReadFrom a socket, to a socket: no buffer while it waits, the fast path
// taken also through io.Copy.
func TestReadFromSocket(t *testing.T) {
	needsSockets(t)
	for _, copying := range []bool{false, true} {
		a := mustAEAD(t, aead.AES128GCM)
		peer, src := tcpPair(t)
		dst, far := tcpPair(t)
		l := newLedger()
		w := mustWriter(t, dst, chunkConfig(a, l))
		done := make(chan error, 1)
		want := randomBytes(1, 3<<20)
		go func() {
			var n int64
			var err error
			if copying {
				n, err = io.Copy(struct {
					io.Writer
					io.ReaderFrom
				}{w, w}, src)
			} else {
				n, err = w.ReadFrom(src)
			}
			if err == nil && n != int64(len(want)) {
				err = fmt.Errorf("ReadFrom = %d", n)
			}
			_ = dst.CloseWrite()
			done <- err
		}()
		for range 1000 {
			runtime.Gosched()
		}
		if buffers, held := l.held(); buffers != 0 {
			t.Errorf("%d buffers of %d bytes held by a ReadFrom that waits", buffers, held)
		}
		go func() {
			_, _ = peer.Write(want)
			_ = peer.CloseWrite()
		}()
		wire, err := io.ReadAll(far)
		if err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got, err := twinOpen(a, wire); err != nil || !bytes.Equal(got, want) {
			t.Errorf("the twin opens %d bytes, %v", len(got), err)
		}
		l.check(t, 0)
	}
}

// A write that is stuck keeps only what has not been sent.
func TestStalledWriteShrinks(t *testing.T) {
	needsSockets(t)
	a := mustAEAD(t, aead.AES128GCM)
	dst, far := tcpPair(t)
	if err := errors.Join(dst.SetWriteBuffer(32<<10), far.SetReadBuffer(64<<10)); err != nil {
		t.Fatal(err)
	}
	l := newLedger()
	w := mustWriter(t, dst, chunkConfig(a, l))
	want := randomBytes(1, 500<<10)
	sent := make(chan error, 1)
	go func() {
		_, err := w.Write(want)
		_ = dst.CloseWrite()
		sent <- err
	}()
	wire := make([]byte, 300<<10)
	if _, err := io.ReadFull(far, wire); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "what was sent is given back", func() bool {
		_, held := l.held()
		return held <= 250<<10
	})
	rest, err := io.ReadAll(far)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if got, err := twinOpen(a, append(wire, rest...)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the twin opens %d bytes, %v", len(got), err)
	}
	l.check(t, 0)
}
