package tlsrecord_test

import (
	"crypto/tls"
	"sync/atomic"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
)

// A countingCache counts the sessions that it is given.
type countingCache struct {
	tls.ClientSessionCache
	puts atomic.Int64
}

func newCountingCache() *countingCache {
	return &countingCache{ClientSessionCache: tls.NewLRUClientSessionCache(8)}
}

func (c *countingCache) Put(key string, session *tls.ClientSessionState) {
	if session != nil {
		c.puts.Add(1)
	}
	c.ClientSessionCache.Put(key, session)
}

// Tickets may come at any time, also behind changes of the key, and in parts.
func TestLateTickets(t *testing.T) {
	cc, sc := configs()
	cache := newCountingCache()
	cc.ClientSessionCache = cache
	c, s := connect(t, ourClient, ourServer, cc, sc)
	client, server := c.(*tlsrecord.Conn), s.(*tlsrecord.Conn)
	bothWays(t, c, s, 10_000)
	if got := cache.puts.Load(); got != 1 {
		t.Fatalf("%d sessions after the handshake", got)
	}
	ticket := ticketMessage(100, 200)
	for range 30 { // more useless records in a row than tls.Conn endures
		if err := tlsrecord.SendMessage(server, ticket); err != nil {
			t.Fatal(err)
		}
		if err := server.UpdateKey(true); err != nil {
			t.Fatal(err)
		}
		bothWays(t, s, c, 1000)
	}
	for _, cuts := range [][]int{{1}, {3, 4}, {4, 5, 100}, {50, 51, 52, 53}} {
		rest := ticket
		for _, cut := range cuts {
			part := rest[:cut-(len(ticket)-len(rest))]
			if err := tlsrecord.SendMessage(server, part); err != nil {
				t.Fatal(err)
			}
			rest = rest[len(part):]
		}
		// The last part comes together with a ticket and the beginning of one.
		if err := tlsrecord.SendMessage(server, append(append(rest[:len(rest):len(rest)], ticket...), ticket[:20]...)); err != nil {
			t.Fatal(err)
		}
		if err := tlsrecord.SendMessage(server, ticket[20:]); err != nil {
			t.Fatal(err)
		}
		bothWays(t, s, c, 1000)
	}
	if got, want := cache.puts.Load(), int64(1+30+4*3); got != want || client.Stats().Tickets != want {
		t.Fatalf("%d sessions, Stats says %d, want %d", got, client.Stats().Tickets, want)
	}
	// The longest there can be takes five records to tls.Conn.
	if err := tlsrecord.SendMessage(server, ticketMessage(100, 16000)); err != nil {
		t.Fatal(err)
	}
	bothWays(t, s, c, 1000)
	if got, want := cache.puts.Load(), int64(1+30+4*3+1); got != want {
		t.Fatalf("%d sessions, want %d", got, want)
	}
	// None of this has made tls.Conn close anything, and it still works.
	bothWays(t, c, s, 1<<20)
}

// What is wrong with a ticket is told as crypto/tls would, and nothing that
// tls.Conn says to it gets out.
func TestBadTickets(t *testing.T) {
	long := ticketMessage(0, 10)
	long[4] = 1 // a lifetime of half a year
	cut := ticketMessage(100, 10)
	cut = append([]byte{4, 0, 0, byte(len(cut) - 4 - 2)}, cut[4:len(cut)-2]...)
	more := append([]byte{4, 0, 0, 26}, append(ticketMessage(100, 10)[4:], 1, 2, 3)...)
	more = append(more[:4], more[4:]...)
	more[3] = byte(len(more) - 4)
	early := append(ticketMessage(100, 10)[4:], 0, 42, 0, 1, 0)
	early[len(early)-6] = 5
	early = append([]byte{4, 0, 0, byte(len(early))}, early...)
	tests := []struct {
		name    string
		message []byte
		want    tls.AlertError // 0: none
		puts    int64
	}{
		{"good", ticketMessage(100, 10), 0, 1},
		{"no lifetime", ticketMessage(0, 10), 0, 0},
		{"no label", ticketMessage(100, 0), 50, 0},
		{"lives too long", long, 47, 0},
		{"nothing", []byte{4, 0, 0, 1, 0}, 50, 0},
		{"without extensions", cut, 50, 0},
		{"more behind it", more, 50, 0},
		{"early data of another size", early, 50, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cc, sc := configs()
			sc.SessionTicketsDisabled = true
			cache := newCountingCache()
			cc.ClientSessionCache = cache
			c, s := connect(t, ourClient, ourServer, cc, sc)
			if err := tlsrecord.SendMessage(s.(*tlsrecord.Conn), tt.message); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			_, err := c.Read(make([]byte, 1))
			if (err == nil) != (tt.want == 0) {
				t.Fatalf("Read = %v, want alert %d", err, tt.want)
			}
			if err != nil {
				if _, remote := s.Read(make([]byte, 1)); remote == nil || remote.Error() != "remote error: "+tt.want.Error() {
					t.Fatalf("the server is told %v, want %v", remote, tt.want)
				}
			}
			if got := cache.puts.Load(); got != tt.puts {
				t.Fatalf("%d sessions, want %d", got, tt.puts)
			}
		})
	}
}

// crypto/tls is let go of where it is not needed: at once, or by Trim when there
// has been a ticket.
func TestLetsGoOfTop(t *testing.T) {
	cc, sc := configs()
	c, s := connect(t, ourClient, ourServer, cc, sc)
	if tlsrecord.HoldsTop(c.(*tlsrecord.Conn)) || tlsrecord.HoldsTop(s.(*tlsrecord.Conn)) {
		t.Fatal("a connection without a session cache, or a server, holds its tls.Conn")
	}
	cache := newCountingCache()
	cc.ClientSessionCache = cache
	c, s = connect(t, ourClient, ourServer, cc, sc)
	client := c.(*tlsrecord.Conn)
	client.Trim()
	if !tlsrecord.HoldsTop(client) {
		t.Fatal("Trim let go before there was a ticket")
	}
	bothWays(t, c, s, 1000)
	client.Trim()
	if tlsrecord.HoldsTop(client) {
		t.Fatal("Trim did not let go")
	}
	if err := tlsrecord.SendMessage(s.(*tlsrecord.Conn), ticketMessage(100, 10)); err != nil {
		t.Fatal(err)
	}
	bothWays(t, c, s, 1000)
	if got := cache.puts.Load(); got != 1 {
		t.Fatalf("%d sessions, want 1", got)
	}
	client.Abort()
	if in, out := tlsrecord.Secrets(client); !zero(in) || !zero(out) {
		t.Fatal("secrets are left after the end")
	}
}

func zero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
