package connpool_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/headrace-go/headrace/connpool"
)

func newSessions(t testing.TB, cfg connpool.SessionConfig) *connpool.SessionCache {
	t.Helper()
	c, err := connpool.NewSessionCache(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// session returns a session state of a version, with a ticket as given.
func session(t testing.TB, version uint16, ticket string) *tls.ClientSessionState {
	t.Helper()
	var caught *tls.ClientSessionState
	cfg := clientTLS()
	cfg.MinVersion, cfg.MaxVersion = version, version
	cfg.ClientSessionCache = catch(func(s *tls.ClientSessionState) { caught = s })
	server := serverTLS()
	server.WrapSession = func(tls.ConnectionState, *tls.SessionState) ([]byte, error) { return []byte(ticket), nil }
	d := connpool.Dialer{TLS: cfg}
	c, err := d.DialContext(t.Context(), "tcp", echoTLS(t, server))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	roundTrip(t, c)
	if caught == nil {
		t.Fatal("the server sent no ticket")
	}
	return caught
}

// catch is a session cache that shows what is put there.
type catch func(*tls.ClientSessionState)

func (f catch) Get(string) (*tls.ClientSessionState, bool) { return nil, false }
func (f catch) Put(_ string, s *tls.ClientSessionState)    { f(s) }
func ticketOf(t testing.TB, s *tls.ClientSessionState) string {
	t.Helper()
	ticket, _, err := s.ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	return string(ticket)
}

// with returns the state with another ticket.
func with(t testing.TB, s *tls.ClientSessionState, ticket string) *tls.ClientSessionState {
	t.Helper()
	_, state, err := s.ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := state.Bytes() // since a new ticket would change the old state
	if err != nil {
		t.Fatal(err)
	}
	if state, err = tls.ParseSessionState(encoded); err != nil {
		t.Fatal(err)
	}
	out, err := tls.NewResumptionState([]byte(ticket), state)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSessionBeginsWithItsVersion holds the one thing that is known here of how
// crypto/tls encodes a session.
func TestSessionBeginsWithItsVersion(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		_, state, err := session(t, version, "x").ResumptionState()
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := state.Bytes()
		if err != nil || binary.BigEndian.Uint16(encoded) != version {
			t.Errorf("a session of %#x begins with % x, %v", version, encoded[:2], err)
		}
	}
}

func TestSessionsAreGivenOutOnce(t *testing.T) {
	c := newSessions(t, connpool.SessionConfig{MaxPerServer: 3})
	s13 := session(t, tls.VersionTLS13, "13")
	view := c.For("me")
	for i := range 5 {
		view.Put("origin", with(t, s13, fmt.Sprint(i)))
	}
	for _, want := range []string{"4", "3", "2"} {
		if s, ok := view.Get("origin"); !ok || ticketOf(t, s) != want {
			t.Fatalf("got another ticket than %s", want)
		}
	}
	if _, ok := view.Get("origin"); ok {
		t.Fatal("more tickets than there may be")
	}
	if s := c.Stats(); s.Tickets != 0 || s.Servers != 0 || s.Bytes != 0 || s.Hits != 3 || s.Misses != 1 || s.Stored != 5 || s.Evicted != 2 {
		t.Errorf("Stats = %+v", s)
	}

	s12 := session(t, tls.VersionTLS12, "12")
	view.Put("origin", s13)
	view.Put("origin", with(t, s12, "old"))
	view.Put("origin", s12)
	for range 3 {
		if s, ok := view.Get("origin"); !ok || ticketOf(t, s) != "12" {
			t.Fatal("a session of TLS 1.2 is not used again")
		}
	}
	view.Put("origin", nil)
	if _, ok := view.Get("origin"); ok {
		t.Error("a session that was rejected is given out again")
	}
	view.Put("origin", s13)
	view.Put("origin", nil) // is about one that is gone already
	if _, ok := view.Get("origin"); !ok {
		t.Error("a ticket went with another that was rejected")
	}
}

func TestIdentitiesNeverMix(t *testing.T) {
	c := newSessions(t, connpool.SessionConfig{})
	s := session(t, tls.VersionTLS13, "x")
	c.For("a").Put("bc", s)
	for _, other := range [][2]string{{"b", "bc"}, {"", "abc"}, {"ab", "c"}, {"abc", ""}, {"a", "b"}} {
		if _, ok := c.For(other[0]).Get(other[1]); ok {
			t.Errorf("%q sees what a has put", other)
		}
	}
	if _, ok := c.For("a").Get("bc"); !ok {
		t.Error("a does not see its own")
	}
}

func TestSessionBounds(t *testing.T) {
	s := session(t, tls.VersionTLS13, "x")
	for _, cfg := range []connpool.SessionConfig{{MaxTickets: 10}, {MaxTickets: 2000}, {MaxBytes: 20 << 10}, {MaxBytes: 8 << 20, MaxTickets: 1 << 20}} {
		c := newSessions(t, cfg)
		for i := range 20000 {
			c.For("me").Put(fmt.Sprint(i%5000), s)
			if st := c.Stats(); i%500 == 0 && (cfg.MaxTickets > 0 && st.Tickets > cfg.MaxTickets || cfg.MaxBytes > 0 && st.Bytes > cfg.MaxBytes) {
				t.Fatalf("%+v: %+v", cfg, st)
			}
		}
		if st := c.Stats(); st.Tickets == 0 || st.Evicted == 0 || int(st.Stored-st.Evicted) != st.Tickets {
			t.Errorf("%+v: %+v", cfg, st)
		}
	}
	for _, cfg := range []connpool.SessionConfig{{MaxTickets: -1}, {MaxBytes: -1}, {MaxPerServer: -1}, {Lifetime: -1}, {Lifetime: 8 * 24 * time.Hour}} {
		if _, err := connpool.NewSessionCache(cfg); err == nil {
			t.Errorf("NewSessionCache(%+v): no error", cfg)
		}
	}
}

func TestSessionsExpire(t *testing.T) {
	c := newSessions(t, connpool.SessionConfig{Lifetime: time.Hour})
	now := time.Now()
	c.SetClock(func() time.Time { return now })
	s := session(t, tls.VersionTLS13, "x")
	view := c.For("me")
	view.Put("origin", s)
	now = now.Add(time.Hour - 1)
	view.Put("origin", s)
	now = now.Add(1)
	if _, ok := view.Get("origin"); !ok {
		t.Error("the younger ticket has expired with the older one")
	}
	if _, ok := view.Get("origin"); ok {
		t.Error("a ticket was given out at the end of its life")
	}
	if st := c.Stats(); st.Expired != 1 || st.Tickets != 0 {
		t.Errorf("Stats = %+v", st)
	}
}

// prime dials until the cache has n tickets for address.
func prime(t testing.TB, d *connpool.Dialer, address string, n int) {
	t.Helper()
	for d.Sessions.Stats().Tickets < n {
		one := *d
		one.Sessions = nil
		one.TLS = d.TLS.Clone()
		one.TLS.ClientSessionCache = stored{d.Sessions.For(d.Identity)}
		c, err := one.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, c)
		c.Close()
	}
}

// stored hides the tickets, so that each dial brings a new one.
type stored struct{ tls.ClientSessionCache }

func (s stored) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// TestTicketsServeABurst: as many connections are resumed at the same time as
// there are tickets. The standard library's cache has one ticket.
func TestTicketsServeABurst(t *testing.T) {
	const n = 64
	address := echoTLS(t, serverTLS())
	d := &connpool.Dialer{TLS: clientTLS(), Sessions: newSessions(t, connpool.SessionConfig{})}
	prime(t, d, address, n)
	var wg sync.WaitGroup
	resumed := make(chan bool, n)
	for range n {
		wg.Go(func() {
			c, timing, err := d.Dial(context.Background(), "tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			resumed <- timing.Resumed
			roundTripErr := exchange(c)
			if roundTripErr != nil {
				t.Error(roundTripErr)
			}
			c.Close()
		})
	}
	wg.Wait()
	close(resumed)
	for r := range resumed {
		if !r {
			t.Fatal("a connection was not resumed, though there was a ticket for it")
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	secret := []byte("0123456789abcdef")
	address := echoTLS(t, serverTLS())
	d := &connpool.Dialer{TLS: clientTLS(), Sessions: newSessions(t, connpool.SessionConfig{}), Identity: "me"}
	prime(t, d, address, 3)
	var file bytes.Buffer
	if err := d.Sessions.Save(&file, secret); err != nil {
		t.Fatal(err)
	}
	saved := file.Bytes()

	d.Sessions = newSessions(t, connpool.SessionConfig{})
	if n, err := d.Sessions.Load(bytes.NewReader(saved), secret); n != 3 || err != nil {
		t.Fatalf("Load = %d, %v, want 3", n, err)
	}
	c, timing, err := d.Dial(t.Context(), "tcp", address)
	if err != nil || !timing.Resumed {
		t.Fatalf("after a restart: resumed %v, %v", timing.Resumed, err)
	}
	c.Close()

	empty := newSessions(t, connpool.SessionConfig{})
	for i := 0; i < len(saved); i += 1 + len(saved)/50 {
		flipped := bytes.Clone(saved)
		flipped[i] ^= 1
		for _, bad := range [][]byte{flipped, saved[:i]} {
			if n, err := empty.Load(bytes.NewReader(bad), secret); n != 0 || !errors.Is(err, connpool.ErrSessions) {
				t.Fatalf("damaged at %d: %d, %v", i, n, err)
			}
		}
	}
	if _, err := empty.Load(bytes.NewReader(saved), []byte("another secret 1")); !errors.Is(err, connpool.ErrSessions) {
		t.Errorf("another secret: %v", err)
	}
	if _, err := empty.Load(bytes.NewReader(saved), nil); err == nil {
		t.Error("no secret: no error")
	}
	if err := empty.Save(io.Discard, []byte("short")); err == nil {
		t.Error("a short secret: no error")
	}
	later := newSessions(t, connpool.SessionConfig{})
	later.SetClock(func() time.Time { return time.Now().Add(25 * time.Hour) })
	if n, err := later.Load(bytes.NewReader(saved), secret); n != 3 || err != nil || later.Stats().Tickets != 0 {
		t.Errorf("expired tickets: %d, %v, %+v", n, err, later.Stats())
	}
	if st := empty.Stats(); st.Tickets != 0 {
		t.Errorf("after errors: %+v", st)
	}
}

func FuzzParseSessions(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 1, 'a', 0, 0, 0, 1, 'b', 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 't', 0, 0, 0, 0})
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := connpool.Parse(b); err != nil && n != 0 {
			t.Errorf("%d sessions and %v", n, err)
		}
	})
}
