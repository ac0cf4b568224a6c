package tlsrecord_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
)

// Keys that are good for few records are changed on the way, and the peer,
// crypto/tls as well, comes along.
func TestKeyLimit(t *testing.T) {
	limited := tlsrecord.WithKeyLimit(tlsrecord.Config{}, 70)
	for _, coupling := range []struct {
		name           string
		client, server maker
	}{
		{"client", withClient(limited), stdServer},
		{"server", stdClient, withServer(limited)},
		{"both", withClient(limited), withServer(limited)},
	} {
		t.Run(coupling.name, func(t *testing.T) {
			cc, sc := configs()
			cc.DynamicRecordSizingDisabled, sc.DynamicRecordSizingDisabled = true, true
			c, s := connect(t, coupling.client, coupling.server, cc, sc)
			bothWays(t, c, s, 6<<20)
			// Bursts that a writer reads itself, too.
			n, err := copyAll(c, s, 6<<20)
			if n != 6<<20 || err != nil {
				t.Fatalf("copied %d, %v", n, err)
			}
			for _, end := range []conn{c, s} {
				if end, ok := end.(*tlsrecord.Conn); ok {
					if stats := end.Stats(); stats.KeysSealed < 5 {
						t.Fatalf("the key was changed %d times in %d records", stats.KeysSealed, stats.Sealed.Records)
					}
				}
			}
		})
	}
}

// Requests are answered, by crypto/tls as well.
func TestUpdateKey(t *testing.T) {
	eachCoupling(t, func(t *testing.T, client, server maker) {
		cc, sc := configs()
		c, s := connect(t, client, server, cc, sc)
		for _, end := range []conn{c, s} {
			end, ok := end.(*tlsrecord.Conn)
			if !ok {
				continue
			}
			opened := end.Stats().KeysOpened
			for i := range 5 {
				if err := end.UpdateKey(i%2 == 0); err != nil {
					t.Fatal(err)
				}
				bothWays(t, c, s, 100_000)
			}
			bothWays(t, c, s, 10) // the last answer goes in front of this
			if got := end.Stats().KeysOpened - opened; got != 3 {
				t.Fatalf("three requests were answered %d times", got)
			}
		}
	})
}

// A change that was asked for here is the answer as well, if one is owed: one
// record, and not two (RFC 8446, section 4.6.3).
func TestUpdateKeyAnswers(t *testing.T) {
	cc, sc := configs()
	c, s := connect(t, ourClient, ourServer, cc, sc)
	client, server := c.(*tlsrecord.Conn), s.(*tlsrecord.Conn)
	if err := server.UpdateKey(true); err != nil {
		t.Fatal(err)
	}
	transfer(t, server, client, 10) // the request comes in front of this
	if err := client.UpdateKey(false); err != nil {
		t.Fatal(err)
	}
	bothWays(t, c, s, 10)
	if got := client.Stats().KeysSealed; got != 1 {
		t.Errorf("the key was changed %d times", got)
	}
}

// Both sides change their keys and ask the other to, while bytes go both ways.
func TestKeyUpdateStorm(t *testing.T) {
	cc, sc := configs()
	c, s := connect(t, withClient(tlsrecord.WithKeyLimit(tlsrecord.Config{}, 200)),
		withServer(tlsrecord.WithKeyLimit(tlsrecord.Config{}, 130)), cc, sc)
	var wg sync.WaitGroup
	wg.Go(func() { transfer(t, c, s, 16<<20) })
	wg.Go(func() { transfer(t, s, c, 16<<20) })
	wg.Go(func() {
		// Each may have the answer to the peer's last one in front of it, and no
		// more than 16 updates may come in a row without data.
		for range 7 {
			for _, end := range []conn{c, s} {
				if err := end.(*tlsrecord.Conn).UpdateKey(true); err != nil {
					t.Error(err)
				}
			}
		}
	})
	wg.Wait()
}

// A key update under a cork goes out with what it stands in front of.
func TestUpdateKeyCorked(t *testing.T) {
	cc, sc := configs()
	c, s := connect(t, ourClient, ourServer, cc, sc)
	end := c.(*tlsrecord.Conn)
	writes := end.Stats().Writes
	end.Cork()
	if err := errors.Join(write(end, "a"), end.UpdateKey(false), write(end, "b")); err != nil {
		t.Fatal(err)
	}
	if got := end.Stats().Writes; got != writes {
		t.Fatalf("%d writes under a cork", got-writes)
	}
	if err := end.Uncork(); err != nil || end.Stats().Writes != writes+1 {
		t.Fatalf("Uncork = %v, after %d writes", err, end.Stats().Writes-writes)
	}
	buf := make([]byte, 10)
	for got := ""; got != "ab"; {
		n, err := s.Read(buf)
		if got += string(buf[:n]); err != nil || len(got) > 2 {
			t.Fatalf("read %q, %v", got, err)
		}
	}
}

func write(c conn, s string) error {
	_, err := c.Write([]byte(s))
	return err
}
