package vecio_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/readiness"
	"github.com/headrace-go/headrace/vecio"
)

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
	await.Until(t, fmt.Sprintf("%d bytes were moved", n), func() bool {
		if _, err := s.Step(dst, 1<<20); err != nil {
			t.Fatal(err)
		}
		return dst.Len() >= n
	})
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
	await.Until(t, "all has arrived", func() bool {
		n, err := s.Step(&got, 1000)
		if n > 1000 || err != nil {
			t.Fatalf("Step of 1000 = %d, %v", n, err)
		}
		return got.Len() == len(sent)
	})
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
