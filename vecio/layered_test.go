package vecio_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/readiness"
	"github.com/headrace-go/headrace/vecio"
)

var tlsVersions = []struct {
	name string
	id   uint16
}{{"1.2", tls.VersionTLS12}, {"1.3", tls.VersionTLS13}}

// eachTLS runs f with every version and with crypto/tls alone on either side,
// c always one end that is layered.
func eachTLS(t *testing.T, f func(t *testing.T, c, peer *tlsEnd)) {
	makers := []struct {
		name string
		make endMaker
	}{{"std", bareEnd}, {"layered", layeredEnd}}
	for _, version := range tlsVersions {
		for _, peer := range makers {
			t.Run(version.name+"/client of "+peer.name, func(t *testing.T) {
				client, server := tcpPair(t, layeredEnd, peer.make, version.id)
				f(t, client, server)
			})
			t.Run(version.name+"/server of "+peer.name, func(t *testing.T) {
				client, server := tcpPair(t, peer.make, layeredEnd, version.id)
				f(t, server, client)
			})
		}
	}
}

// TestLayeredLoneWrites: a write that ends where a record does looks like one
// that goes on. It must arrive all the same, with nothing behind it.
func TestLayeredLoneWrites(t *testing.T) {
	eachTLS(t, func(t *testing.T, c, peer *tlsEnd) {
		buf := make([]byte, 130<<10)
		for k := range 8 {
			for _, n := range []int{16384*(k+1) - 1, 16384 * (k + 1), 16384*(k+1) + 1} {
				for _, d := range [][2]*tlsEnd{{c, peer}, {peer, c}} {
					msg := random(n, uint64(n))
					go d[0].Write(msg)
					if _, err := io.ReadFull(d[1], buf[:n]); err != nil || !bytes.Equal(buf[:n], msg) {
						t.Fatalf("a lone write of %d bytes: %v", n, err)
					}
				}
			}
		}
	})
}

// TestLayeredMovesEveryByte sends both ways at once, by Write and ReadFrom,
// and reads by Read and WriteTo; the end of one direction is not that of the
// other.
func TestLayeredMovesEveryByte(t *testing.T) {
	eachTLS(t, func(t *testing.T, c, peer *tlsEnd) {
		up, down := random(3<<20+5, 1), random(2<<20+7, 2)
		errs := make(chan error, 4)
		go func() { errs <- send(peer.Conn, down) }()
		go func() {
			half := len(up) / 2
			if err := send(noCloseWrite{c.Conn}, up[:half]); err != nil {
				errs <- err
				return
			}
			n, err := c.Conn.(io.ReaderFrom).ReadFrom(bytes.NewReader(up[half:]))
			if err == nil && n != int64(len(up)-half) {
				err = fmt.Errorf("ReadFrom = %d", n)
			}
			errs <- errors.Join(err, c.Conn.(interface{ CloseWrite() error }).CloseWrite())
		}()
		go func() {
			got, err := io.ReadAll(peer)
			if err == nil && !bytes.Equal(got, up) {
				err = fmt.Errorf("the peer read %d bytes that are not the %d sent", len(got), len(up))
			}
			errs <- err
		}()
		got := bytes.NewBuffer(make([]byte, 1<<20))
		if _, err := io.ReadFull(c, got.Bytes()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Conn.(io.WriterTo).WriteTo(got); err != nil || !bytes.Equal(got.Bytes(), down) {
			t.Fatalf("read %d bytes, %v, want the %d sent", got.Len(), err, len(down))
		}
		for range 3 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

// noCloseWrite keeps send from ending the stream.
type noCloseWrite struct{ net.Conn }

func (noCloseWrite) CloseWrite() error { return nil }

// TestLayeredSystemCalls counts what a bulk write costs below crypto/tls,
// which alone makes one system call of each record: 16 here.
func TestLayeredSystemCalls(t *testing.T) {
	c, peer := tcpPair(t, layeredEnd, bareEnd, tls.VersionTLS13)
	before := c.under.Stats().Writes
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.CopyN(io.Discard, peer, 256<<10)
	}()
	if _, err := c.Write(make([]byte, 256<<10)); err != nil {
		t.Fatal(err)
	}
	<-done
	if n := c.under.Stats().Writes - before; n != 6 { // five batches of three, and one record
		t.Errorf("%d writes below for 256 KiB, want 6", n)
	}
}

// TestLayeredSmallFirst looks at the records on the wire.
func TestLayeredSmallFirst(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	small := func(raw net.Conn, wrap func(net.Conn) *tls.Conn) *tlsEnd {
		under := vecio.Coalesce(raw, vecio.CoalesceConfig{SmallFirst: 50 << 10})
		top := wrap(under)
		return &tlsEnd{Conn: vecio.Layered(top, under), top: top, under: under, raw: raw}
	}
	c, _ := tlsPair(t, a, b, small, bareEnd, tls.VersionTLS13)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(make([]byte, 128<<10))
		sent <- errors.Join(err, c.Close())
	}()
	wire, err := io.ReadAll(b)
	if err := errors.Join(err, <-sent); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for len(wire) > 0 {
		n := int(wire[3])<<8 | int(wire[4])
		sizes = append(sizes, n-17) // less the tag and the type of what is in it
		wire = wire[5+n:]
	}
	// The first 48 KiB are a batch, of which each record is small; the next has
	// one more of them.
	want := slices.Concat(slices.Repeat([]int{4 << 10}, 13), []int{16 << 10, 16 << 10, 12 << 10, 16 << 10, 16 << 10, 2})
	if !slices.Equal(sizes, want) {
		t.Errorf("records of %d, want %d", sizes, want)
	}
}

// watchList is a watch that only notes.
type watchList struct{ watched []syscall.Conn }

func (w *watchList) Watch(c syscall.Conn, _ func()) func() {
	w.watched = append(w.watched, c)
	return func() {}
}

// isDry reports whether s would wait for its socket now.
func isDry(t *testing.T, s vecio.Stepper, raw net.Conn) bool {
	t.Helper()
	var w watchList
	woken := false
	if cancel := s.Ready(&w, func() { woken = true }); cancel == nil {
		t.Fatal("Ready = nil")
	}
	if woken == (len(w.watched) > 0) {
		t.Fatalf("woken %v, and %d sockets watched", woken, len(w.watched))
	}
	return len(w.watched) == 1 && w.watched[0] == raw.(syscall.Conn)
}

// stepUntil steps s until there are n bytes in dst.
func stepUntil(t *testing.T, s vecio.Stepper, dst *bytes.Buffer, n int) {
	t.Helper()
	for dst.Len() < n {
		if _, err := s.Step(dst, 1<<20); err != nil {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
}

// waitFor returns when a socket has something to read.
func waitFor(t *testing.T, c net.Conn) {
	t.Helper()
	s, ok := readiness.Of(c)
	if !ok {
		t.Skipf("no raw reads from a %T on this system", c)
	}
	if err := s.Wait(); err != nil {
		t.Fatal(err)
	}
}

// TestStepAbsorbsTickets: a server's session tickets make the client's socket
// readable, or come along with its handshake, and there is nothing behind them.
func TestStepAbsorbsTickets(t *testing.T) {
	for _, late := range []bool{false, true} {
		a, b := faultconn.Sockets(t, "tcp")
		hold := &ticketGate{Conn: b, late: late}
		c, peer := tlsPair(t, a, hold, layeredEnd, bareEnd, tls.VersionTLS13)
		s := c.Conn.(vecio.Stepper)
		if isDry(t, s, a) {
			t.Fatal("dry before anybody has looked")
		}
		var got bytes.Buffer
		for range 3 {
			if n, err := s.Step(&got, 1<<20); n != 0 || err != nil {
				t.Fatalf("late %v: Step over tickets = %d, %v", late, n, err)
			}
			if !isDry(t, s, a) {
				t.Fatalf("late %v: not dry after the tickets", late)
			}
			if hold.ticket != nil {
				b.Write(hold.ticket)
				hold.ticket = nil
				waitFor(t, a)
			}
		}
		peer.Write([]byte("data"))
		stepUntil(t, s, &got, 4)
		if got.String() != "data" {
			t.Fatalf("stepped %q", got.String())
		}
		if late == (c.under.Stats().Reads < 3) {
			t.Errorf("late %v: %d reads", late, c.under.Stats().Reads)
		}
	}
}

// A ticketGate keeps back the last record of a server's first flight, which is
// the ticket.
type ticketGate struct {
	net.Conn
	late   bool
	ticket []byte
}

func (g *ticketGate) Write(p []byte) (int, error) {
	if !g.late {
		return g.Conn.Write(p)
	}
	g.late = false
	last := 0
	for next := 0; next < len(p); next += 5 + int(p[next+3])<<8 + int(p[next+4]) {
		last = next
	}
	g.ticket = bytes.Clone(p[last:])
	_, err := g.Conn.Write(p[:last])
	return len(p), err
}

// TestStepOverHalfRecords delivers records byte by byte.
func TestStepOverHalfRecords(t *testing.T) {
	for _, version := range tlsVersions {
		a, b := faultconn.Sockets(t, "tcp")
		hold := &gate{Conn: b}
		c, peer := tlsPair(t, a, hold, layeredEnd, bareEnd, version.id)
		s := c.Conn.(vecio.Stepper)
		var got bytes.Buffer
		hold.held = &bytes.Buffer{}
		var sent []byte
		for _, n := range []int{1, 300, 2} {
			sent = append(sent, random(n, uint64(n))...)
		}
		peer.Write(sent[:1])
		peer.Write(sent[1:301])
		peer.CloseWriteOf(t, sent[301:])
		b.SetWriteDeadline(time.Time{}) // which crypto/tls has set in the past
		whole := hold.held.Bytes()
		var err error
		for i := range whole {
			b.Write(whole[i : i+1])
			waitFor(t, a)
			var n int64
			if n, err = s.Step(&got, 1<<20); err != nil && i < len(whole)-1 {
				t.Fatalf("%s: Step after %d of %d bytes = %d, %v", version.name, i+1, len(whole), n, err)
			}
			if err == nil && !isDry(t, s, a) {
				t.Fatalf("%s: not dry after %d of %d bytes", version.name, i+1, len(whole))
			}
		}
		if err != io.EOF || !bytes.Equal(got.Bytes(), sent) {
			t.Errorf("%s: stepped %d bytes of %d, and then %v", version.name, got.Len(), len(sent), err)
		}
	}
}

// A gate holds what is written, once it has something to hold it in.
type gate struct {
	net.Conn
	held *bytes.Buffer
}

func (g *gate) Write(p []byte) (int, error) {
	if g.held != nil {
		return g.held.Write(p)
	}
	return g.Conn.Write(p)
}

// CloseWriteOf writes data and then the end of the stream.
func (e *tlsEnd) CloseWriteOf(t *testing.T, data []byte) {
	t.Helper()
	if _, err := e.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := e.top.CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

// TestStepKeepsWhatIsNotTaken: what a destination refuses is still there.
func TestStepKeepsWhatIsNotTaken(t *testing.T) {
	c, peer := tcpPair(t, layeredEnd, bareEnd, tls.VersionTLS13)
	s := c.Conn.(vecio.Stepper)
	peer.Write([]byte("0123456789"))
	full := errors.New("full")
	taken := 3
	var n int64
	var err error
	for n == 0 && err == nil {
		n, err = s.Step(writerFunc(func(p []byte) (int, error) { return min(taken, len(p)), full }), 1<<20)
	}
	if n != 3 || err != full {
		t.Fatalf("Step = %d, %v, want 3 and the destination's error", n, err)
	}
	if isDry(t, s, c.raw) {
		t.Fatal("dry, with bytes at hand")
	}
	buf := make([]byte, 4)
	if n, err := c.Read(buf); n != 4 || err != nil || string(buf) != "3456" {
		t.Fatalf("Read = %d, %v, %q", n, err, buf)
	}
	var rest bytes.Buffer
	if n, err := s.Step(&rest, 1<<20); n != 3 || err != nil || rest.String() != "789" {
		t.Fatalf("Step = %d, %v, %q", n, err, rest.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestStepObeysMax: about max bytes leave at a time.
func TestStepObeysMax(t *testing.T) {
	c, peer := tcpPair(t, layeredEnd, bareEnd, tls.VersionTLS13)
	s := c.Conn.(vecio.Stepper)
	sent := random(100<<10, 1)
	go peer.Write(sent)
	var got bytes.Buffer
	for got.Len() < len(sent) {
		n, err := s.Step(&got, 1000)
		if n > 1000 || err != nil {
			t.Fatalf("Step of 1000 = %d, %v", n, err)
		}
		runtime.Gosched()
	}
	if !bytes.Equal(got.Bytes(), sent) {
		t.Error("other bytes arrived")
	}
}

// TestStepWaitsForHandshake: in a handshake an error would stay.
func TestStepWaitsForHandshake(t *testing.T) {
	serverConfig, clientConfig := tlsConfigs(t, tls.VersionTLS13)
	a, b := faultconn.Sockets(t, "tcp")
	under := vecio.Coalesce(a, vecio.CoalesceConfig{})
	s := vecio.Layered(tls.Client(under, clientConfig), under).(vecio.Stepper)
	peer := tls.Server(b, serverConfig)
	go peer.Write([]byte("first"))
	var got bytes.Buffer
	stepUntil(t, s, &got, 5)
	if got.String() != "first" {
		t.Fatalf("stepped %q", got.String())
	}
}

// TestLayeredIdleHoldsNothing: after bulk both ways, over a socket.
func TestLayeredIdleHoldsNothing(t *testing.T) {
	var pool ledger
	pooled := func(raw net.Conn, wrap func(net.Conn) *tls.Conn) *tlsEnd {
		under := vecio.Coalesce(raw, vecio.CoalesceConfig{Pool: &pool})
		top := wrap(under)
		return &tlsEnd{Conn: vecio.Layered(top, under), top: top, under: under, raw: raw}
	}
	c, peer := tcpPair(t, pooled, bareEnd, tls.VersionTLS13)
	s := c.Conn.(vecio.Stepper)
	chunk := random(1<<20, 1)
	go peer.Write(chunk)
	var got bytes.Buffer
	stepUntil(t, s, &got, len(chunk))
	go c.Conn.(io.ReaderFrom).ReadFrom(bytes.NewReader(chunk))
	if _, err := io.ReadFull(peer, make([]byte, len(chunk))); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Step(&got, 1<<20); n != 0 || err != nil || !isDry(t, s, c.raw) {
		t.Fatalf("Step of nothing = %d, %v", n, err)
	}
	for pool.bytes() != 0 { // until ReadFrom has returned
		if t.Context().Err() != nil {
			t.Fatalf("%d bytes are lent while idle", pool.bytes())
		}
		runtime.Gosched()
	}
	if pool.most == 0 {
		t.Error("the pool was never used")
	}
}

// TestTicketHoldsLittle: who does not read after a handshake holds the ticket
// that came with it, and no buffer for more.
func TestTicketHoldsLittle(t *testing.T) {
	var pool ledger
	pooled := func(raw net.Conn, wrap func(net.Conn) *tls.Conn) *tlsEnd {
		under := vecio.Coalesce(raw, vecio.CoalesceConfig{Pool: &pool})
		top := wrap(under)
		return &tlsEnd{Conn: vecio.Layered(top, under), top: top, under: under, raw: raw}
	}
	c, _ := tcpPair(t, pooled, bareEnd, tls.VersionTLS13)
	if n := pool.bytes(); n > 1<<10 {
		t.Errorf("%d bytes are lent behind a handshake", n)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if n := pool.bytes(); n != 0 {
		t.Errorf("%d bytes are lent after Close", n)
	}
}

// TestLayeredReadDeadline: a deadline in the middle of a record loses nothing.
func TestLayeredReadDeadline(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	hold := &gate{Conn: b}
	c, peer := tlsPair(t, a, hold, layeredEnd, bareEnd, tls.VersionTLS13)
	hold.held = &bytes.Buffer{}
	peer.Write([]byte("0123456789"))
	whole := hold.held.Bytes()
	buf := make([]byte, 20)
	for _, part := range [][]byte{whole[:3], whole[3:9], whole[9:]} {
		c.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
		if n, err := c.Read(buf); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Read = %d, %v, want a missed deadline", n, err)
		}
		b.Write(part)
	}
	c.SetReadDeadline(time.Time{})
	if n, err := c.Read(buf); string(buf[:n]) != "0123456789" || err != nil {
		t.Fatalf("Read = %q, %v", buf[:n], err)
	}
}

// TestLayeredCloseWhileStuck closes while Step waits for its destination and
// Write for its peer.
func TestLayeredCloseWhileStuck(t *testing.T) {
	for _, abort := range []bool{false, true} {
		c, peer := tcpPair(t, layeredEnd, bareEnd, tls.VersionTLS13)
		peer.Write([]byte("data"))
		stuck, release := make(chan struct{}), make(chan struct{})
		stepped := make(chan error, 1)
		go func() {
			var n int64
			var err error
			for n == 0 && err == nil {
				n, err = c.Conn.(vecio.Stepper).Step(writerFunc(func(p []byte) (int, error) {
					close(stuck)
					<-release
					return len(p), nil
				}), 1<<20)
			}
			stepped <- err
		}()
		<-stuck
		wrote := make(chan error, 1)
		go func() {
			_, err := c.Write(make([]byte, 64<<20))
			wrote <- err
		}()
		waitFor(t, peer.raw)
		var err error
		if abort {
			err = c.Conn.(interface{ Abort() error }).Abort()
		} else {
			err = c.Close()
		}
		if err != nil {
			t.Error(err)
		}
		if err := <-wrote; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write: %v, want net.ErrClosed", err)
		}
		close(release)
		if err := <-stepped; err != nil {
			t.Errorf("Step: %v", err)
		}
		if abort {
			if _, err := io.Copy(io.Discard, peer.raw); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("after Abort the peer read %v, want a reset", err)
			}
		}
	}
}

// TestLayeredOverNoSocket: without a socket below nobody can step, and
// everything else works.
func TestLayeredOverNoSocket(t *testing.T) {
	a, b := faultconn.Pair(0)
	c, peer := tlsPair(t, a, b, layeredEnd, bareEnd, tls.VersionTLS13)
	if _, ok := c.Conn.(vecio.Stepper); ok {
		t.Fatal("Step over a connection that cannot be tried")
	}
	sent := random(1<<20, 1)
	go send(c.Conn, sent)
	if got, err := io.ReadAll(peer); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes of %d arrived, %v", len(got), len(sent), err)
	}
	go send(peer.Conn, sent)
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes of %d arrived, %v", len(got), len(sent), err)
	}
}

// TestLayeredOverPrefixed: a server that has looked at the first bytes.
func TestLayeredOverPrefixed(t *testing.T) {
	for first := range 6 {
		a, b := faultconn.Sockets(t, "tcp")
		serverConfig, clientConfig := tlsConfigs(t, tls.VersionTLS13)
		client := tls.Client(a, clientConfig)
		go client.Write([]byte("hello"))
		head := make([]byte, first)
		if _, err := io.ReadFull(b, head); err != nil {
			t.Fatal(err)
		}
		under := vecio.Coalesce(vecio.Prefixed(b, head), vecio.CoalesceConfig{})
		s, ok := vecio.Layered(tls.Server(under, serverConfig), under).(vecio.Stepper)
		if !ok {
			t.Fatal("no Step over what will be a socket")
		}
		var got bytes.Buffer
		stepUntil(t, s, &got, 5)
		if got.String() != "hello" {
			t.Fatalf("stepped %q", got.String())
		}
		if n, err := s.Step(&got, 1); n != 0 || err != nil || !isDry(t, s, b) {
			t.Errorf("with %d bytes read before: Step = %d, %v, and the socket is not watched", first, n, err)
		}
	}
}

// TestLayeredFaultAtEveryByte breaks the connection below at every byte of a
// few records: what arrives is a beginning of what was sent, and if it is not
// all of it, writer or reader are told.
func TestLayeredFaultAtEveryByte(t *testing.T) {
	sent := random(120, 1)
	const wire = 120 + 3*22 + 24 // three records, close_notify
	for _, kind := range []faultconn.Kind{faultconn.Timeout, faultconn.Reset, faultconn.End} {
		for after := range int64(wire) {
			a, b := faultconn.Pair(0)
			faulty := &latePlan{Conn: a}
			c, peer := tlsPair(t, faulty, b, layeredEnd, bareEnd, tls.VersionTLS13)
			faulty.Conn = faultconn.Wrap(a, faultconn.Plan{
				Write: faultconn.Script{Faults: []faultconn.Fault{{After: after, Kind: kind}}},
			})
			wrote := make(chan error, 1)
			go func() {
				var err error
				for i := 0; i < len(sent) && err == nil; i += 40 {
					_, err = c.Write(sent[i : i+40])
				}
				wrote <- errors.Join(err, c.Close())
			}()
			got, err := io.ReadAll(peer)
			if !bytes.HasPrefix(sent, got) {
				t.Fatalf("%v after %d bytes: other bytes arrived", kind, after)
			}
			if werr := <-wrote; werr == nil && (err != nil || len(got) < len(sent)) {
				t.Fatalf("%v after %d bytes: %d of %d arrived, %v, and the writer knows of nothing", kind, after, len(got), len(sent), err)
			}
			peer.Close()
		}
	}
}

// latePlan is a connection that changes under its user.
type latePlan struct{ net.Conn }

func TestLayeredAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops Puts under the race detector")
	}
	perRun := func(maker endMaker) float64 {
		c, peer := tcpPair(t, maker, bareEnd, tls.VersionTLS13)
		chunk, buf := make([]byte, 64<<10), make([]byte, 64<<10)
		return testing.AllocsPerRun(200, func() {
			c.Write(chunk)
			if _, err := io.ReadFull(peer, buf); err != nil {
				t.Fatal(err)
			}
		})
	}
	if std, ours := perRun(bareEnd), perRun(layeredEnd); ours > std {
		t.Errorf("%v allocations for 64 KiB, %v without us", ours, std)
	}

	c, peer := tcpPair(t, layeredEnd, bareEnd, tls.VersionTLS13)
	s := c.Conn.(vecio.Stepper)
	msg, sink := make([]byte, 1000), writerFunc(func(p []byte) (int, error) { return len(p), nil })
	n := testing.AllocsPerRun(200, func() {
		peer.Write(msg)
		for left := int64(len(msg)); left > 0; {
			n, err := s.Step(sink, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			left -= n
		}
	})
	if n > 2 { // crypto/tls: one for the record, and one for finding that there is no other
		t.Errorf("%v allocations for a record stepped", n)
	}
}
