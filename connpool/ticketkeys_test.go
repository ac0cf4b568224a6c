package connpool_test

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"testing"
	"time"

	"github.com/headrace-go/headrace/connpool"
)

// The vectors of the specification: c2sp.org/XAES-256-GCM.
func TestXAESVectors(t *testing.T) {
	for _, v := range []struct {
		key              byte
		additional, want string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		got, err := connpool.XAESSeal(bytes.Repeat([]byte{v.key}, 32), []byte("ABCDEFGHIJKLMNOPQRSTUVWX"),
			[]byte("XAES-256-GCM"), []byte(v.additional))
		if err != nil || hex.EncodeToString(got) != v.want {
			t.Errorf("key %d: %x, %v, want %s", v.key, got, err, v.want)
		}
	}
}

func newKeys(t testing.TB, secret string, period time.Duration) *connpool.TicketKeys {
	t.Helper()
	k, err := connpool.NewTicketKeys([]byte(secret), period)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestFleetResumes: what one server has handed out, another one with the same
// secret takes, without ever having spoken to the first; one with another does a
// full handshake, and so does the same one when the key's time is over.
func TestFleetResumes(t *testing.T) {
	const secret = "the fleet's secret"
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		now := time.Unix(1_800_000_000, 0) // the start of a period of one hour
		clock := func() time.Time { return now }
		server := func(secret string, shift time.Duration) string {
			k := newKeys(t, secret, time.Hour)
			k.SetClock(func() time.Time { return clock().Add(shift) })
			cfg := serverTLS()
			k.Apply(cfg)
			return echoTLS(t, cfg)
		}
		first := server(secret, 0)
		client := clientTLS()
		client.MaxVersion = version
		for _, c := range []struct {
			name    string
			address string
			passed  time.Duration
			want    bool
		}{
			{"the same server", first, 0, true},
			{"another server", server(secret, 0), 0, true},
			{"a server whose clock is behind", server(secret, -time.Hour), 0, true},
			{"a server whose clock is ahead", server(secret, time.Hour), 0, true},
			{"in the next period", first, time.Hour, true},
			{"with another secret", server("another secret, long", 0), 0, false},
			{"in the period after that", first, 2 * time.Hour, false},
			{"a clock that is far behind", server(secret, -2*time.Hour), 0, false},
		} {
			now = time.Unix(1_800_000_000, 0)
			d := &connpool.Dialer{TLS: client, Sessions: newSessions(t, connpool.SessionConfig{})}
			prime(t, d, first, 1)
			now = now.Add(c.passed)
			conn, timing, err := d.Dial(t.Context(), "tcp", c.address)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			roundTrip(t, conn)
			conn.Close()
			if timing.Resumed != c.want {
				t.Errorf("version %#x, %s: resumed %v, want %v", version, c.name, timing.Resumed, c.want)
			}
		}
	}
}

func TestTicketKeysRefuseNonsense(t *testing.T) {
	if _, err := connpool.NewTicketKeys([]byte("short"), 0); err == nil {
		t.Error("a short secret: no error")
	}
	for _, period := range []time.Duration{-1, time.Second, 4 * 24 * time.Hour} {
		if _, err := connpool.NewTicketKeys(make([]byte, 32), period); err == nil {
			t.Errorf("a period of %v: no error", period)
		}
	}
}

func FuzzUnwrapSession(f *testing.F) {
	k, err := connpool.NewTicketKeys(make([]byte, 32), 0)
	if err != nil {
		f.Fatal(err)
	}
	_, state, err := session(f, tls.VersionTLS13, "x").ResumptionState()
	if err != nil {
		f.Fatal(err)
	}
	good, err := k.WrapSession(tls.ConnectionState{}, state)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := k.UnwrapSession(b, tls.ConnectionState{})
		if err != nil || (s != nil) != bytes.Equal(b, good) {
			t.Errorf("UnwrapSession(%x) = %v, %v", b, s, err)
		}
	})
}
