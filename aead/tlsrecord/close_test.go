package tlsrecord_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/slab"
)

// Each side ends its stream by itself.
func TestCloseWrite(t *testing.T) {
	eachCoupling(t, func(t *testing.T, client, server maker) {
		cc, sc := configs()
		c, s := connect(t, client, server, cc, sc)
		for _, way := range [][2]conn{{c, s}, {s, c}} {
			from, to := way[0], way[1]
			if err := write(from, "last"); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := from.CloseWrite(); err != nil {
					t.Fatal(err)
				}
			}
			if err := write(from, "more"); err == nil {
				t.Fatal("a write after CloseWrite")
			}
			if got, err := io.ReadAll(to); err != nil || string(got) != "last" {
				t.Fatalf("read %q, %v", got, err)
			}
		}
	})
}

// Close tells the peer.
func TestCloseNotifies(t *testing.T) {
	eachCoupling(t, func(t *testing.T, client, server maker) {
		for _, closer := range []int{0, 1} {
			cc, sc := configs()
			c, s := connect(t, client, server, cc, sc)
			ends := [2]conn{c, s}
			if err := ends[closer].Close(); err != nil {
				t.Fatal(err)
			}
			if err := ends[closer].Close(); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("second Close = %v", err)
			}
			if n, err := ends[1-closer].Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Fatalf("Read = %d, %v", n, err)
			}
			if o, ok := ends[1-closer].(*tlsrecord.Conn); ok && !o.Stats().Notified {
				t.Fatal("Stats: not notified")
			}
			if _, err := ends[closer].Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("Read after Close = %v", err)
			}
			if err := write(ends[closer], "x"); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("Write after Close = %v", err)
			}
		}
	})
}

// Close ends what is under way in another goroutine, gives all memory back and
// forgets the secrets.
func TestCloseUnderWay(t *testing.T) {
	for _, abort := range []bool{false, true} {
		for range 20 {
			a, b := faultconn.Sockets(t, "tcp")
			memory := slab.New(slab.Config{ExactStats: true})
			c := tlsrecord.NewBare(a, tlsrecord.Suites()[0], true, tlsrecord.Config{Pool: memory})
			ended := make(chan error, 3)
			go func() {
				_, err := c.Read(make([]byte, 1))
				ended <- err
			}()
			go func() {
				p := make([]byte, 100_000)
				var err error
				for err == nil {
					_, err = c.Write(p) // the peer reads nothing
				}
				ended <- err
			}()
			go func() {
				_, err := c.ReadFrom(pattern{})
				ended <- err
			}()
			await.Until(t, "both write", func() bool { return c.Stats().Writes >= 2 })
			var err error
			if abort {
				err = c.Abort()
			} else {
				err = c.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := <-ended; !errors.Is(err, net.ErrClosed) {
					t.Fatalf("ended with %v", err)
				}
			}
			wantReturned(t, memory)
			if in, out := tlsrecord.Secrets(c); !zero(in) || !zero(out) {
				t.Fatal("secrets are left")
			}
			b.Close()
		}
	}
}

// Abort resets the connection below.
func TestAbort(t *testing.T) {
	cc, sc := configs()
	c, s := connect(t, ourClient, ourServer, cc, sc)
	if err := c.(*tlsrecord.Conn).Abort(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("Read = %v, want a reset", err)
	}
}

// CloseRead ends the reading, and that is no truncation.
func TestCloseRead(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	c := tlsrecord.NewBare(a, tlsrecord.Suites()[0], true, tlsrecord.Config{StrictEnd: true})
	defer c.Abort()
	if err := c.CloseRead(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("Read = %d, %v", n, err)
	}
	b.Close()
	p, q := net.Pipe()
	defer q.Close()
	c = tlsrecord.NewBare(p, tlsrecord.Suites()[0], true, tlsrecord.Config{})
	defer c.Abort()
	if err := c.CloseRead(); !errors.Is(err, errors.ErrUnsupported) {
		t.Fatalf("CloseRead over a pipe = %v", err)
	}
}

// Corked writes leave together, one record for each, and in their order with
// what is not corked.
func TestCork(t *testing.T) {
	r := newRig(t, tlsrecord.Suites()[0], true, tlsrecord.Config{})
	r.Cork()
	r.Cork()
	for _, s := range []string{"one", "two"} {
		if _, err := r.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Uncork(); err != nil || r.Stats().Writes != 0 {
		t.Fatalf("inner Uncork = %v, %d writes", err, r.Stats().Writes)
	}
	if err := r.Uncork(); err != nil || r.Stats().Writes != 1 {
		t.Fatalf("Uncork = %v, %d writes", err, r.Stats().Writes)
	}
	// Whoever writes in full records gets full batches: h2mux does.
	r.Cork()
	for range 7 {
		if _, err := r.Write(make([]byte, 16<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.Stats().Writes; got != 3 {
		t.Fatalf("%d writes for seven records, want two before Uncork", got-1)
	}
	if _, err := r.ReadFrom(bytes.NewReader([]byte("three"))); err != nil {
		t.Fatal(err)
	}
	if err := r.Uncork(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("Uncork without Cork does not panic")
		}
	}()
	rest := r.said(t)
	for i, want := range []int{3, 3, 16384, 16384, 16384, 16384, 16384, 16384, 16384, 5} {
		var content []byte
		var err error
		if content, _, rest, err = r.Open(rest); err != nil || len(content) != want {
			t.Fatalf("record %d has %d bytes, %v, want %d", i, len(content), err, want)
		}
	}
	if len(rest) > 0 {
		t.Fatalf("%d bytes more", len(rest))
	}
	_ = r.Uncork()
}

// Records begin small unless the Config says otherwise.
func TestRecordSizes(t *testing.T) {
	sizes := func(fixed bool, cfg tlsrecord.Config) (out []int) {
		cc, sc := configs()
		cc.DynamicRecordSizingDisabled = fixed
		a, b := faultconn.Sockets(t, "tcp")
		watched := &headerWatcher{Conn: a}
		c, s := shake(t, watched, b, withClient(cfg), ourServer, cc, sc)
		taken(t, c, s)
		watched.records = nil
		go func() { _, _ = c.Write(make([]byte, 400_000)) }()
		if _, err := io.ReadFull(s, make([]byte, 400_000)); err != nil {
			t.Fatal(err)
		}
		for _, n := range watched.records {
			out = append(out, n-17)
		}
		return out
	}
	fixed := sizes(true, tlsrecord.Config{})
	if fixed[0] != 16384 || len(fixed) != 25 {
		t.Fatalf("fixed: %v", fixed)
	}
	growing := sizes(false, tlsrecord.Config{})
	if growing[0] != 1186 || growing[1] != 2*1186 || growing[len(growing)-2] != 16384 {
		t.Fatalf("growing: %v", growing)
	}
	small := sizes(true, tlsrecord.Config{SmallFirst: 100_000})
	sum := 0
	for _, n := range small[:len(small)-1] {
		if want := map[bool]int{true: 4096, false: 16384}[sum < 100_000]; n > want {
			t.Fatalf("%d bytes in a record after %d", n, sum)
		}
		sum += n
	}
}

// headerWatcher notes the sizes of the records that are written.
type headerWatcher struct {
	net.Conn
	records []int
}

func (w *headerWatcher) Write(p []byte) (int, error) {
	for q := p; len(q) >= 5; {
		n := int(q[3])<<8 | int(q[4])
		w.records = append(w.records, n)
		q = q[min(len(q), 5+n):]
	}
	return w.Conn.Write(p)
}

// An alert does not wait for a peer that reads nothing.
func TestAlertDoesNotWait(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	c := tlsrecord.NewBare(a, tlsrecord.Suites()[0], true, tlsrecord.Config{})
	written := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			_, err = c.Write(make([]byte, 1<<20))
		}
		written <- err
	}()
	await.Until(t, "the peer's memory fills", func() bool { return c.Stats().Writes >= 3 })
	if _, err := b.Write([]byte("no record at all")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Fatal("Read = nil")
	}
	c.Abort()
	if err := <-written; err == nil {
		t.Fatal("Write = nil")
	}
}
