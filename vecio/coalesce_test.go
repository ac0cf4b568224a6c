package vecio_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/vecio"
)

// A ledger is a pool that knows how much it has lent.
type ledger struct {
	mu   sync.Mutex
	lent int
	most int
}

func (l *ledger) Get(n int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lent += n
	l.most = max(l.most, l.lent)
	return make([]byte, n)
}

func (l *ledger) Put(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lent -= cap(b)
}

func (l *ledger) bytes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lent
}

// noted is a connection that notes each Write.
type noted struct {
	net.Conn
	sizes []int
}

func (w *noted) Write(p []byte) (int, error) {
	w.sizes = append(w.sizes, len(p))
	return w.Conn.Write(p)
}

func (w *noted) take() []int {
	s := w.sizes
	w.sizes = nil
	return s
}

// record returns a record with a body of n bytes.
func record(n int) []byte {
	b := random(5+n, uint64(n))
	b[0] = 23
	binary.BigEndian.PutUint16(b[3:], uint16(n))
	return b
}

func TestCoalesceHoldsOnlyWhileCorked(t *testing.T) {
	outer, inner := faultconn.Pair(1 << 20)
	w := &noted{Conn: inner}
	c := vecio.Coalesce(w, vecio.CoalesceConfig{Batch: 32 << 10})
	var sent []byte
	write := func(n int) {
		t.Helper()
		b := random(n, uint64(n))
		sent = append(sent, b...)
		if m, err := c.Write(b); m != n || err != nil {
			t.Fatalf("Write of %d = %d, %v", n, m, err)
		}
	}
	check := func(when string, want ...int) {
		t.Helper()
		if got := w.take(); !slices.Equal(got, want) {
			t.Errorf("%s: writes of %d below, want %d", when, got, want)
		}
	}
	uncork := func() {
		t.Helper()
		if err := c.Uncork(); err != nil {
			t.Fatal(err)
		}
	}
	write(100)
	check("not corked", 100)
	c.Cork()
	write(100)
	write(200)
	check("corked")
	uncork()
	check("uncorked", 300)
	uncorkedAgain := func() { write(1); check("not corked any more", 1) }
	uncorkedAgain()

	c.Cork()
	c.Cork()
	write(10)
	uncork()
	write(10)
	check("corked once of twice")
	uncork()
	check("uncorked twice", 20)

	c.Cork()
	for range 5 {
		write(10 << 10)
	}
	check("a batch of 32 KiB", 32<<10)
	uncork()
	check("the rest", 18<<10)

	c.Cork()
	write(100 << 10)
	check("more than a batch at a time", 100<<10)
	write(1)
	write(100 << 10)
	check("the same behind something", 32<<10, 32<<10, 32<<10)
	uncork()
	check("the rest", 4<<10+1)

	c.Cork()
	uncork()
	check("nothing to hold")

	if n, err := c.Writev([][]byte{{1, 2}, nil, {3}}); n != 3 || err != nil {
		t.Fatalf("Writev = %d, %v", n, err)
	}
	sent = append(sent, 1, 2, 3)
	check("a gathered write", 3)
	c.Cork()
	c.Writev([][]byte{{4}, {5}})
	sent = append(sent, 4, 5)
	check("a gathered write while corked")
	uncork()
	check("the same", 2)

	c.Close()
	if got, err := io.ReadAll(outer); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes arrived, %v, want the %d that were sent", len(got), err, len(sent))
	}
}

func TestCoalesceGathersOnSockets(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	c := vecio.Coalesce(a, vecio.CoalesceConfig{Batch: 32 << 10})
	rec := record(16 << 10)
	c.Cork()
	c.Write(rec)
	if n := c.Stats().Writes; n != 0 {
		t.Errorf("%d writes below after one record of two", n)
	}
	c.Write(rec)
	want := vecio.CoalesceStats{Writes: 1, BytesWritten: int64(2 * len(rec))}
	if got := c.Stats(); got != want {
		t.Errorf("Stats() = %+v, want %+v: one write of the batch that is complete", got, want)
	}
	if err := c.Uncork(); err != nil || c.Stats() != want {
		t.Errorf("Uncork of nothing: %v, %+v", err, c.Stats())
	}
	got := make([]byte, 2*len(rec))
	if _, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, slices.Concat(rec, rec)) {
		t.Errorf("other bytes arrived, %v", err)
	}
}

// recordSizes are the bodies of a stream that has a bit of everything.
func recordSizes(rnd *rand.Rand) (sizes []int) {
	for range 16 {
		switch rnd.IntN(4) {
		case 0:
			sizes = append(sizes, rnd.IntN(3))
		case 1:
			sizes = append(sizes, rnd.IntN(2000))
		case 2:
			for range rnd.IntN(8) { // what is told from the last one is right
				sizes = append(sizes, 16401)
			}
		default:
			sizes = append(sizes, rnd.IntN(1<<15))
		}
	}
	return sizes
}

// TestCoalesceReadEndsWithRecord is the promise that the rest is built upon:
// whatever arrives in whatever pieces, no Read returns bytes of two records.
func TestCoalesceReadEndsWithRecord(t *testing.T) {
	ends := map[string]func() (outer, inner net.Conn){
		"tcp":  func() (net.Conn, net.Conn) { return faultconn.Sockets(t, "tcp") },
		"unix": func() (net.Conn, net.Conn) { return faultconn.Sockets(t, "unix") },
		"memory": func() (net.Conn, net.Conn) {
			a, b := faultconn.Pair(0)
			return a, b
		},
		"wrapped": func() (net.Conn, net.Conn) {
			a, b := faultconn.Sockets(t, "tcp")
			return a, &counted{Conn: b}
		},
	}
	for name, make2 := range ends {
		for seed := range uint64(12) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			outer, inner := make2()
			var pool ledger
			cfg := vecio.CoalesceConfig{Pool: &pool, ReadAhead: 16 << 10 << rnd.IntN(4)}
			if seed%3 == 0 {
				cfg.Budget = noBudget{}
			}
			c := vecio.Coalesce(inner, cfg)
			var sent []byte
			var ends []int
			for _, n := range recordSizes(rnd) {
				sent = append(sent, record(n)...)
				ends = append(ends, len(sent))
			}
			var plan faultconn.Plan
			if seed%2 == 1 {
				plan = faultconn.Draw(rnd.IntN, len(sent))
				sent = sent[:min(len(sent), 20<<10*max(1, plan.Write.MaxBytes))] // a piece is a system call
			}
			go func() {
				faultconn.Wrap(outer, plan).Write(sent)
				outer.(interface{ CloseWrite() error }).CloseWrite()
			}()
			mine := rand.New(rand.NewPCG(seed, 2))
			got, buf := 0, make([]byte, 40<<10)
			for {
				p := buf[:1+mine.IntN(len(buf))]
				if mine.IntN(3) == 0 {
					p = p[:1+mine.IntN(min(len(p), 20))]
				}
				n, err := c.Read(p)
				if !bytes.Equal(p[:n], sent[got:got+n]) {
					t.Fatalf("%s, seed %d: other bytes at %d", name, seed, got)
				}
				if got += n; n > 0 && got > ends[0] {
					t.Fatalf("%s, seed %d: a Read up to %d crosses the end of a record at %d", name, seed, got, ends[0])
				}
				for len(ends) > 0 && ends[0] <= got {
					ends = ends[1:]
				}
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if got != len(sent) {
				t.Errorf("%s, seed %d: %d bytes of %d arrived", name, seed, got, len(sent))
			}
			if n := pool.bytes(); n != 0 {
				t.Errorf("%s, seed %d: %d bytes are still lent", name, seed, n)
			}
			if w, ok := inner.(*counted); ok && w.read.Load() != int64(len(sent)) {
				t.Errorf("the wrapper counted %d bytes, want %d", w.read.Load(), len(sent))
			}
			c.Close()
		}
	}
}

// noBudget refuses everything.
type noBudget struct{}

func (noBudget) TryReserve(int) bool { return false }
func (noBudget) Release(int)         {}

func TestCoalesceHoldsNothingWhileWaiting(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	var pool ledger
	c := vecio.Coalesce(b, vecio.CoalesceConfig{Pool: &pool})
	buf := make([]byte, 100)
	for range 3 {
		c.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
		if n, err := c.Read(buf); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Read = %d, %v, want a missed deadline", n, err)
		}
		if n := pool.bytes(); n != 0 || pool.most == 0 {
			t.Fatalf("%d bytes are lent, %d were", n, pool.most)
		}
		c.SetReadDeadline(time.Time{})
		a.Write(record(10))
		if n, err := c.Read(buf); n != 15 || err != nil { // a missed deadline is over when it is over
			t.Fatalf("Read = %d, %v, want 15", n, err)
		}
		if n := pool.bytes(); n != 0 {
			t.Fatalf("%d bytes are lent after all was read", n)
		}
	}
}

// TestCoalesceCloseReturnsBuffers closes while bytes are ahead and held, and
// while calls are under way.
func TestCoalesceCloseReturnsBuffers(t *testing.T) {
	for _, closeIt := range []func(*vecio.CoalesceConn) error{(*vecio.CoalesceConn).Close, (*vecio.CoalesceConn).Abort} {
		a, b := faultconn.Sockets(t, "tcp")
		var pool ledger
		c := vecio.Coalesce(b, vecio.CoalesceConfig{Pool: &pool})
		a.Write(append(record(10), record(10)...))
		if _, err := io.ReadFull(c, make([]byte, 15)); err != nil {
			t.Fatal(err)
		}
		c.Cork()
		c.Write(make([]byte, 10))
		if pool.bytes() == 0 {
			t.Fatal("nothing is lent, nothing is tested")
		}
		if err := closeIt(c); err != nil {
			t.Error(err)
		}
		if n := pool.bytes(); n != 0 {
			t.Errorf("%d bytes are still lent after Close", n)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read: %v, want net.ErrClosed", err)
		}
		if _, err := c.Write([]byte{1}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write: %v, want net.ErrClosed", err)
		}
		if _, err := c.Writev([][]byte{{1}}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Writev: %v, want net.ErrClosed", err)
		}
		if err := c.Uncork(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Uncork: %v, want net.ErrClosed", err)
		}
		for name, err := range map[string]error{
			"Close": c.Close(), "SetDeadline": c.SetDeadline(time.Time{}),
			"SetReadDeadline": c.SetReadDeadline(time.Time{}), "SetWriteDeadline": c.SetWriteDeadline(time.Time{}),
		} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: %v, want net.ErrClosed", name, err)
			}
		}
		if n := pool.bytes(); n != 0 {
			t.Errorf("%d bytes are lent by calls after Close", n)
		}
	}
	synctest.Test(t, func(t *testing.T) { // both directions wait when Close comes
		outer, inner := faultconn.Pair(100)
		var pool ledger
		c := vecio.Coalesce(inner, vecio.CoalesceConfig{Pool: &pool})
		ended := make(chan error, 2)
		go func() {
			_, err := c.Read(make([]byte, 1))
			ended <- err
		}()
		go func() {
			c.Cork()
			c.Write(make([]byte, 1000))
			ended <- c.Uncork()
		}()
		synctest.Wait()
		if pool.bytes() == 0 {
			t.Error("nothing is lent, nothing is tested")
		}
		c.Close()
		for range 2 {
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Errorf("a call under way: %v, want net.ErrClosed", err)
			}
		}
		synctest.Wait()
		if n := pool.bytes(); n != 0 {
			t.Errorf("%d bytes are still lent", n)
		}
		outer.Close()
	})
}

func TestDetach(t *testing.T) {
	for _, network := range []string{"tcp", "memory"} {
		var a, b net.Conn
		if network == "memory" {
			a, b = faultconn.Pair(0)
		} else {
			a, b = faultconn.Sockets(t, network)
		}
		c := vecio.Coalesce(b, vecio.CoalesceConfig{})
		rec := record(100)
		const next = "not a record at all"
		a.Write(append(rec, next...))
		buf := make([]byte, len(rec))
		for i := range rec {
			if i > 0 {
				if _, _, err := c.Detach(); err != vecio.ErrMidRecord {
					t.Fatalf("%s: Detach after %d bytes: %v, want ErrMidRecord", network, i, err)
				}
			}
			if _, err := io.ReadFull(c, buf[:1]); err != nil || buf[0] != rec[i] {
				t.Fatal(err)
			}
		}
		c.Cork()
		c.Write([]byte("held"))
		raw, unread, err := c.Detach()
		if raw != b || err != nil {
			t.Fatalf("%s: Detach = %v, %q, %v", network, raw, unread, err)
		}
		if _, err := io.ReadFull(a, buf[:4]); err != nil || string(buf[:4]) != "held" {
			t.Errorf("%s: what was held: %q, %v", network, buf[:4], err)
		}
		if _, err := c.Read(buf); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read: %v, want net.ErrClosed", err)
		}
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Close: %v, want net.ErrClosed", err)
		}
		if _, _, err := c.Detach(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Detach: %v, want net.ErrClosed", err)
		}
		rest := vecio.Prefixed(raw, unread)
		if _, err := io.ReadFull(rest, buf[:len(next)]); err != nil || string(buf[:len(next)]) != next {
			t.Errorf("%s: behind the record: %q, %v, want %q", network, buf[:len(next)], err, next)
		}
		if _, err := raw.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		raw.Close()
	}
}

// TestDetachAfterTLS leaves TLS in both directions right behind a handshake and
// one record each, as the protocols do that borrow its looks.
func TestDetachAfterTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := tcpPair(t, layeredEnd, layeredEnd, version)
		const msg, plain = "the last of TLS", "the first without"
		client.Write([]byte(msg))
		client.raw.Write([]byte(plain)) // as if it were detached
		buf := make([]byte, len(msg))
		if _, err := io.ReadFull(server, buf); err != nil {
			t.Fatal(err)
		}
		raw, unread, err := server.under.Detach()
		if err != nil {
			t.Fatal(err)
		}
		buf = make([]byte, len(plain))
		if _, err := io.ReadFull(vecio.Prefixed(raw, unread), buf); err != nil || string(buf) != plain {
			t.Fatalf("after TLS: %q, %v", buf, err)
		}
	}
}

// TestCloseNotifyLeavesWhileCorked: crypto/tls sends its last alert between two
// deadlines, the second of which is over at once.
func TestCloseNotifyLeavesWhileCorked(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, end := range []func(*tls.Conn) error{(*tls.Conn).CloseWrite, (*tls.Conn).Close} {
			client, server := tcpPair(t, layeredEnd, bareEnd, version)
			client.under.Cork()
			client.top.Write([]byte("held"))
			if err := end(client.top); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(server)
			if string(got) != "held" || err != nil {
				t.Fatalf("read %q, %v, want what was held and a clean end", got, err)
			}
		}
	}
}

// TestCoalesceFailedFlushStays: after bytes that a Write had accepted are lost,
// nothing may follow them.
func TestCoalesceFailedFlushStays(t *testing.T) {
	outer, inner := faultconn.Pair(0)
	c := vecio.Coalesce(faultconn.Wrap(inner, faultconn.Plan{
		Write: faultconn.Script{Faults: []faultconn.Fault{{After: 5, Kind: faultconn.Timeout}}},
	}), vecio.CoalesceConfig{})
	c.Cork()
	if _, err := c.Write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	if err := c.Uncork(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("Uncork: %v, want the timeout", err)
	}
	if n, err := c.Write([]byte("more")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write after it: %d, %v, want the same", n, err)
	}
	c.Cork()
	if err := c.Uncork(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Uncork after it: %v, want the same", err)
	}
	c.Close()
	if got, _ := io.ReadAll(outer); string(got) != "01234" {
		t.Errorf("%q arrived", got)
	}
}

func TestCoalescePanics(t *testing.T) {
	a, _ := faultconn.Pair(0)
	for name, f := range map[string]func(){
		"Uncork without Cork": func() { vecio.Coalesce(a, vecio.CoalesceConfig{}).Uncork() },
		"ReadAhead":           func() { vecio.Coalesce(a, vecio.CoalesceConfig{ReadAhead: 1000}) },
		"SmallFirst":          func() { vecio.Coalesce(a, vecio.CoalesceConfig{SmallFirst: -1}) },
		"Batch":               func() { vecio.Coalesce(a, vecio.CoalesceConfig{Batch: -1}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

func TestCoalesceAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops Puts under the race detector")
	}
	a, b := faultconn.Sockets(t, "tcp")
	x, y := vecio.Coalesce(a, vecio.CoalesceConfig{}), vecio.Coalesce(b, vecio.CoalesceConfig{})
	rec, small, buf := record(16<<10), record(10), make([]byte, 20<<10)
	n := testing.AllocsPerRun(200, func() {
		x.Cork()
		for range 4 {
			x.Write(rec)
		}
		x.Write(small)
		x.Uncork()
		for left := 4*len(rec) + len(small); left > 0; {
			n, err := y.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			left -= n
		}
	})
	if n > 0 {
		t.Errorf("%v allocations for a batch of records", n)
	}
}

// FuzzCoalesceRead reads any bytes in any pieces, beside the definition of a
// record.
func FuzzCoalesceRead(f *testing.F) {
	f.Add([]byte("\x17\x03\x03\x00\x02ab\x17\x03\x03\x00\x00\x17\x03\x03\x00\x01cGET /"), []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, sent, sizes []byte) {
		outer, inner := faultconn.Pair(max(1, len(sent)))
		outer.Write(sent)
		outer.Close()
		c := vecio.Coalesce(inner, vecio.CoalesceConfig{})
		defer c.Close()
		for rest, i := sent, 0; ; i++ {
			record := rest // what is left of it
			if len(rest) >= 5 {
				record = rest[:min(len(rest), 5+int(rest[3])<<8+int(rest[4]))]
			}
			for first := true; first || len(record) > 0; first = false {
				size := 1
				if len(sizes) > 0 {
					size += int(sizes[i%len(sizes)])
				}
				i++
				p := make([]byte, size)
				n, err := c.Read(p)
				if err == io.EOF && len(rest) == 0 {
					return
				}
				if err != nil || n == 0 || n > len(record) || !bytes.Equal(p[:n], record[:n]) {
					t.Fatalf("Read = %d, %v with %d of a record left", n, err, len(record))
				}
				record, rest = record[n:], rest[n:]
			}
		}
	})
}

// TestNotTLSIsAnswered: who speaks something else to a TLS server is told so, on
// the connection that crypto/tls gives back for it.
func TestNotTLSIsAnswered(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	config, _ := tlsConfigs(t, tls.VersionTLS13)
	c := layeredEnd(b, func(c net.Conn) *tls.Conn { return tls.Server(c, config) })
	if _, err := io.WriteString(a, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	err := c.top.Handshake()
	other, ok := errors.AsType[tls.RecordHeaderError](err)
	if !ok || other.Conn != c.under || string(other.RecordHeader[:]) != "GET /" {
		t.Fatalf("Handshake: %v, want a RecordHeaderError", err)
	}
	const answer = "HTTP/1.0 400 Bad Request\r\n\r\n"
	if _, err := io.WriteString(other.Conn, answer); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(answer))
	if _, err := io.ReadFull(a, got); err != nil || string(got) != answer {
		t.Errorf("read %q, %v", got, err)
	}
}
