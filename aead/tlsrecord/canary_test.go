package tlsrecord_test

import (
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/internal/faultconn"
)

// needsSockets skips where nothing can be known of sockets.
func needsSockets(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" || runtime.GOOS == "plan9" {
		t.Skip("no raw access to sockets on this system")
	}
}

// The tests below are of crypto/tls alone: what this package relies on, and no
// contract promises. A Go release that fails one of them needs another look at
// this package, which falls back to crypto/tls where it can tell.

// wiping is a key log that remembers its lines, and overwrites them.
type wiping struct{ lines []string }

func (w *wiping) Write(line []byte) (int, error) {
	w.lines = append(w.lines, string(line))
	clear(line)
	return len(line), nil
}

// Each secret is one line and one Write, and the line is made for that call.
func TestKeyLogLine(t *testing.T) {
	cc, sc := configs()
	var client, server wiping
	cc.KeyLogWriter, sc.KeyLogWriter = &client, &server
	c, s := connect(t, stdClient, stdServer, cc, sc)
	bothWays(t, c, s, 1000)
	want := []string{"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"}
	for _, log := range []wiping{client, server} {
		if len(log.lines) != len(want) {
			t.Fatalf("%d lines: %q", len(log.lines), log.lines)
		}
		for i, line := range log.lines {
			fields := strings.Fields(line)
			if len(fields) != 3 || fields[0] != want[i] || !strings.HasSuffix(line, "\n") || strings.Count(line, "\n") != 1 {
				t.Fatalf("line %d is %q", i, line)
			}
			if b, err := hex.DecodeString(fields[2]); err != nil || len(b) != 32 && len(b) != 48 {
				t.Fatalf("line %d has a secret of %d bytes, %v", i, len(b), err)
			}
		}
	}
}

// recordReader gives a tls.Conn no more than the rest of one record, and counts
// what it has asked for beyond.
type recordReader struct {
	net.Conn
	head  [5]byte
	n     int // of head
	left  int // of the body
	whole int // records that were read to their end
}

func (r *recordReader) Read(p []byte) (int, error) {
	limit := r.left
	if limit == 0 {
		limit = len(r.head) - r.n
	}
	n, err := r.Conn.Read(p[:min(len(p), limit)])
	if r.left > 0 {
		r.left -= n
	} else {
		r.n += copy(r.head[r.n:], p[:n])
		if r.n == len(r.head) {
			r.left, r.n = int(r.head[3])<<8|int(r.head[4]), 0
		}
	}
	if r.left == 0 && r.n == 0 && n > 0 {
		r.whole++
	}
	return n, err
}

// A handshake ends between two records, both for client and for server, and
// has written whole records only.
func TestHandshakeEndsBetweenRecords(t *testing.T) {
	for range 10 {
		a, b := faultconn.Pair(0)
		ra, rb := &recordReader{Conn: a}, &recordReader{Conn: b}
		cc, sc := configs()
		c, s := shake(t, ra, rb, stdClient, stdServer, cc, sc)
		if ra.left+ra.n+rb.left+rb.n != 0 || ra.whole == 0 || rb.whole == 0 {
			t.Fatalf("the handshake ended within a record: %+v, %+v", ra, rb)
		}
		transfer(t, c, s, 1000)
	}
}

// A Read error that is temporary does not stay with a tls.Conn, and one byte
// of application data ends a Read.
func TestTemporaryErrorsDoNotStay(t *testing.T) {
	a, b := faultconn.Pair(0)
	cc, sc := configs()
	flaky := &flakyReader{Conn: a}
	c, s := shake(t, flaky, b, stdClient, stdServer, cc, sc)
	for range 3 {
		flaky.fail = true
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, errTemporary) {
			t.Fatalf("Read = %v", err)
		}
		flaky.fail = false
		if err := write(s, "x"); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Fatalf("Read = %d, %v", n, err)
		}
	}
}

var errTemporary = faultconn.ErrTimeout

type flakyReader struct {
	net.Conn
	fail bool
}

func (f *flakyReader) Read(p []byte) (int, error) {
	if f.fail {
		return 0, errTemporary
	}
	return f.Conn.Read(p)
}

// Asking a Config for a ticket makes its keys, which its clones share.
func TestClonesShareTicketKeys(t *testing.T) {
	var state *tls.SessionState
	cc, sc := configs()
	cc.ClientSessionCache = newCountingCache()
	sc.WrapSession = func(cs tls.ConnectionState, s *tls.SessionState) ([]byte, error) {
		state = s
		return sc.EncryptTicket(cs, s)
	}
	connect(t, stdClient, stdServer, cc, sc)
	base := &tls.Config{}
	opens := func(config *tls.Config, ticket []byte) bool {
		s, err := config.DecryptTicket(ticket, tls.ConnectionState{})
		return s != nil && err == nil
	}
	seal := func(config *tls.Config) []byte {
		ticket, err := config.EncryptTicket(tls.ConnectionState{}, state)
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	if one, other := base.Clone(), base.Clone(); !opens(one, seal(one)) || opens(other, seal(one)) {
		t.Fatal("keys that a clone made itself are not its own")
	}
	if s, err := base.DecryptTicket(nil, tls.ConnectionState{}); s != nil || err != nil {
		t.Fatalf("DecryptTicket of nothing = %v, %v", s, err)
	}
	if !opens(base.Clone(), seal(base.Clone())) || !opens(base, seal(base.Clone())) {
		t.Fatal("the keys that the original made are not its clones'")
	}
}

// What crypto/tls says when a peer sends garbage is said here in the same
// words.
func TestErrorsAreCryptoTLSs(t *testing.T) {
	said := func(client maker) (local, remote string) {
		cc, sc := configs()
		a, b := faultconn.Pair(0)
		c, s := shake(t, a, b, client, stdServer, cc, sc)
		bothWays(t, c, s, 100)
		if _, err := b.Write(append([]byte{23, 3, 3, 0, 40}, make([]byte, 40)...)); err != nil {
			t.Fatal(err)
		}
		_, lerr := c.Read(make([]byte, 1))
		_, rerr := s.Read(make([]byte, 1))
		_, werr := c.Write([]byte("x"))
		return fmt.Sprint(lerr, ", ", werr), fmt.Sprint(rerr)
	}
	local, remote := said(stdClient)
	if l, r := said(ourClient); l != local || r != remote {
		t.Fatalf("said %q and %q, crypto/tls %q and %q", l, r, local, remote)
	}
}

var _ io.Reader = (*recordReader)(nil)
