package tlsrecord_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/faultconn"
)

var never time.Time

func soon() time.Time { return time.Now().Add(5 * time.Millisecond) }

// A read deadline in the middle of a record loses nothing.
func TestReadDeadline(t *testing.T) {
	for _, network := range []string{"tcp", "memory"} {
		a, b := faultconn.Sockets(t, "tcp")
		if network == "memory" {
			m, n := faultconn.Pair(0)
			a, b = m, n
		}
		c := tlsrecord.NewBare(b, tlsrecord.Suites()[0], false, tlsrecord.Config{})
		record := tlsrecord.NewForger(tlsrecord.Suites()[0], true).Seal(23, []byte("whole"))
		buf := make([]byte, 100)
		for _, piece := range [][]byte{record[:3], record[3:9], record[9 : len(record)-1]} {
			if _, err := a.Write(piece); err != nil {
				t.Fatal(err)
			}
			c.SetReadDeadline(soon())
			n, err := c.Read(buf)
			if ne, ok := errors.AsType[interface {
				error
				Timeout() bool
			}](err); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !ok || !ne.Timeout() {
				t.Fatalf("%s: Read = %d, %v, want a missed deadline", network, n, err)
			}
		}
		if _, err := a.Write(record[len(record)-1:]); err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(never)
		if n, err := c.Read(buf); err != nil || string(buf[:n]) != "whole" {
			t.Fatalf("%s: Read = %q, %v", network, buf[:n], err)
		}
		c.Abort()
		a.Close()
	}
}

// A write whose deadline is in the past seals nothing, and costs nothing.
func TestWriteDeadlineInThePast(t *testing.T) {
	cc, sc := configs()
	c, s := connect(t, ourClient, ourServer, cc, sc)
	c.SetWriteDeadline(time.Unix(1, 0))
	for range 3 {
		if n, err := c.Write(make([]byte, 1000)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	c.SetWriteDeadline(never)
	if n := c.(*tlsrecord.Conn).Stats().Sealed.Records; n != 0 {
		t.Fatalf("%d records were sealed", n)
	}
	bothWays(t, c, s, 100_000)
}

// A write that misses its deadline half way says what it has taken, and all of
// that arrives, in front of what is written next.
func TestWriteDeadlineMissed(t *testing.T) {
	for _, network := range []string{"tcp", "memory"} {
		a, b := faultconn.Sockets(t, "tcp")
		if network == "memory" {
			m, n := faultconn.Pair(10_000)
			a, b = m, n
		}
		cc, sc := configs()
		c, s := shake(t, a, b, ourClient, ourServer, cc, sc)
		total, misses := 0, 0
		p := make([]byte, 300_000)
		for i := range p {
			p[i] = byte(i)
		}
		for misses < 3 {
			c.SetWriteDeadline(soon())
			n, err := c.Write(p[total%256:])
			total += n
			if err != nil {
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatal(err)
				}
				misses++
			}
		}
		c.SetWriteDeadline(never)
		closed := make(chan error, 1)
		go func() { closed <- c.CloseWrite() }()
		got := 0
		buf := make([]byte, 64<<10)
		for {
			n, err := s.Read(buf)
			for i, x := range buf[:n] {
				if x != byte(got+i) {
					t.Fatalf("%s: byte %d is %d", network, got+i, x)
				}
			}
			got += n
			if err != nil {
				break
			}
		}
		if err := <-closed; err != nil || got != total {
			t.Fatalf("%s: CloseWrite = %v; %d bytes arrived, %d were taken", network, err, got, total)
		}
	}
}
