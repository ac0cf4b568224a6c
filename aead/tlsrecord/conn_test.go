package tlsrecord_test

import (
	"crypto/tls"
	"io"
	"testing"
)

func TestBulk(t *testing.T) {
	eachCoupling(t, func(t *testing.T, client, server maker) {
		cc, sc := configs()
		c, s := connect(t, client, server, cc, sc)
		taken(t, c, s)
		bothWays(t, c, s, 3<<20)
		bothWays(t, c, s, 1)
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Read(make([]byte, 10)); n != 0 || err != io.EOF {
			t.Fatalf("Read = %d, %v, want io.EOF", n, err)
		}
		transfer(t, s, c, 1<<20)
	})
}

func TestResumption(t *testing.T) {
	eachCoupling(t, func(t *testing.T, client, server maker) {
		cc, sc := configs()
		cc.ClientSessionCache = tls.NewLRUClientSessionCache(4)
		for i := range 4 {
			c, s := connect(t, client, server, cc, sc)
			taken(t, c, s)
			bothWays(t, c, s, 100_000)
			if got, want := c.ConnectionState().DidResume, i > 0; got != want {
				t.Fatalf("connection %d: resumed: %v, want %v", i, got, want)
			}
			c.Close()
			s.Close()
		}
	})
}
