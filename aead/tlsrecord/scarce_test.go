package tlsrecord_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/faultconn"
)

// scarce is a budget that has sometimes more and sometimes less.
type scarce struct{ used atomic.Int64 }

func (s *scarce) TryReserve(n int) bool {
	if s.used.Add(int64(n)) > rand.Int64N(256<<10) {
		s.used.Add(int64(-n))
		return false
	}
	return true
}

func (s *scarce) Release(n int) { s.used.Add(int64(-n)) }

// TestScarceBudget moves bytes with memory that may be too short for a record,
// each time it is asked for.
func TestScarceBudget(t *testing.T) {
	cc, sc := configs()
	budget := new(scarce)
	w := newWatcher(t)
	cfg := tlsrecord.Config{Budget: budget}
	var all sync.WaitGroup
	for i := range 24 {
		c, s := connect(t, withClient(cfg), withServer(cfg), cc, sc)
		taken(t, c, s)
		for j, way := range [][2]*tlsrecord.Conn{{c.(*tlsrecord.Conn), s.(*tlsrecord.Conn)}, {s.(*tlsrecord.Conn), c.(*tlsrecord.Conn)}} {
			fromApp, in := faultconn.Sockets(t, "tcp")
			out, toApp := faultconn.Sockets(t, "tcp")
			const n = 4 << 20
			data := make([]byte, n)
			rng := rand.NewChaCha8([32]byte{byte(i), byte(j)})
			rng.Read(data)
			all.Go(func() {
				for p := data; len(p) > 0; {
					k := min(len(p), 1+int(rng.Uint64()%100_000))
					if _, err := fromApp.Write(p[:k]); err != nil {
						t.Error(err)
						return
					}
					p = p[k:]
				}
				fromApp.(*net.TCPConn).CloseWrite()
			})
			all.Go(func() {
				if m, err := way[0].ReadFrom(in); m != n || err != nil {
					t.Errorf("ReadFrom = %d, %v", m, err)
				}
				way[0].CloseWrite()
			})
			all.Go(func() {
				if m, err := stepAll(way[1], out, w); m != n || err != nil {
					t.Errorf("Step = %d, %v", m, err)
				}
				out.(*net.TCPConn).CloseWrite()
			})
			all.Go(func() {
				sum := sha256.New()
				m, err := io.Copy(sum, toApp)
				if m != n || err != nil || [32]byte(sum.Sum(nil)) != sha256.Sum256(data) {
					t.Errorf("got %d bytes, %v, or others than were sent", m, err)
				}
			})
		}
	}
	all.Wait()
}

// A part of a record may be longer than all that the budget lends.
func TestRefusedWithPart(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	c := tlsrecord.NewBare(b, tlsrecord.Suites()[0], false, tlsrecord.Config{Budget: refusal{}})
	t.Cleanup(func() { c.Abort() })
	f := tlsrecord.NewForger(tlsrecord.Suites()[0], true)
	content := bytes.Repeat([]byte("content "), 2<<10)
	record := f.Seal(typeApplication, content)
	w := newWatcher(t)
	var got bytes.Buffer
	for _, part := range [][]byte{record[:3], record[3:9000], record[9000:15000], record[15000:]} {
		awaitWake(t, c, w, func() {
			if _, err := a.Write(part); err != nil {
				t.Fatal(err)
			}
		})
		if _, err := c.Step(&got, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got.Bytes(), content) {
		t.Errorf("got %d bytes, or others than were sent", got.Len())
	}
}

// A part of a record behind what one Step takes is not lost in a wait, though
// the budget then has less than the part is long.
func TestPartBehindAStepSurvivesAWait(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	var budget switched
	c := tlsrecord.NewBare(b, tlsrecord.Suites()[0], false, tlsrecord.Config{Budget: &budget})
	t.Cleanup(func() { c.Abort() })
	f := tlsrecord.NewForger(tlsrecord.Suites()[0], true)
	first, second := []byte("first"), bytes.Repeat([]byte("second "), 2<<10)
	wire := append(f.Seal(typeApplication, first), f.Seal(typeApplication, second)...)
	const part = 12 << 10
	w := newWatcher(t)
	awaitWake(t, c, w, func() {
		if _, err := a.Write(wire[:part]); err != nil {
			t.Fatal(err)
		}
	})
	var got bytes.Buffer
	if n, err := c.Step(&got, 1); n != int64(len(first)) || err != nil {
		t.Fatalf("Step = %d, %v, want the first record", n, err)
	}
	budget.off.Store(true)
	awaitWake(t, c, w, func() {
		if _, err := a.Write(wire[part:]); err != nil {
			t.Fatal(err)
		}
	})
	if n, err := c.Step(&got, 1<<20); n != int64(len(second)) || err != nil {
		t.Fatalf("Step behind the wait = %d, %v, want %d", n, err, len(second))
	}
	if !bytes.Equal(got.Bytes(), append(first, second...)) {
		t.Error("other bytes than were sent")
	}
}

// A switched budget has everything, until it is off.
type switched struct{ off atomic.Bool }

func (s *switched) TryReserve(int) bool { return !s.off.Load() }
func (s *switched) Release(int)         {}

// A refusal is a budget that has nothing.
type refusal struct{}

func (refusal) TryReserve(int) bool { return false }
func (refusal) Release(int)         {}

// stepAll is WriteTo by Step and Ready.
func stepAll(c *tlsrecord.Conn, dst io.Writer, w tlsrecord.Watcher) (total int64, err error) {
	for {
		n, err := c.Step(dst, 1<<20)
		total += n
		switch {
		case err == io.EOF:
			return total, nil
		case err != nil:
			return total, err
		case n > 0:
			continue
		}
		woken := make(chan struct{})
		cancel := c.Ready(w, func() { close(woken) })
		<-woken
		cancel()
	}
}
