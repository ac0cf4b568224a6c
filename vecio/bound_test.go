package vecio_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/vecio"
)

// writes is a writer that notes each Write.
type writes struct{ each []string }

func (w *writes) Write(b []byte) (int, error) {
	w.each = append(w.each, string(b))
	return len(b), nil
}

// gathering has a Writev of its own.
type gathering struct {
	writes
	calls int
}

func (g *gathering) Writev(bufs [][]byte) (int64, error) {
	g.calls++
	var n int64
	for _, b := range bufs {
		n += int64(len(b))
	}
	return n, nil
}

func TestWritevOfOrdinaryWriters(t *testing.T) {
	large := string(bytes.Repeat([]byte("x"), 20<<10))
	for _, tt := range []struct {
		bufs []string
		want []string
	}{
		{nil, nil},
		{[]string{"", ""}, nil},
		{[]string{"abc"}, []string{"abc"}},
		{[]string{"abc", "", "de"}, []string{"abcde"}},       // small: together
		{[]string{"abc", large, ""}, []string{"abc", large}}, // large: one by one
		{[]string{large}, []string{large}},
	} {
		var bufs [][]byte
		total := 0
		for _, s := range tt.bufs {
			bufs = append(bufs, []byte(s))
			total += len(s)
		}
		var w writes
		n, err := vecio.Writev(&w, bufs)
		if n != int64(total) || err != nil || fmt.Sprint(w.each) != fmt.Sprint(tt.want) {
			t.Errorf("Writev of %d pieces = %d, %v in %d writes, want %d, nil in %d", len(bufs), n, err, len(w.each), total, len(tt.want))
		}
	}
	var g gathering
	if n, err := vecio.Writev(&g, [][]byte{[]byte("abc"), []byte("de")}); n != 5 || err != nil || g.calls != 1 || len(g.each) != 0 {
		t.Errorf("Writev to a gatherer = %d, %v, %d calls", n, err, g.calls)
	}
}

func TestWritevCountsWhatWasAccepted(t *testing.T) {
	for after := range int64(10) {
		inner, peer := faultconn.Pair(0)
		go io.Copy(io.Discard, peer)
		c := faultconn.Wrap(inner, faultconn.Plan{Write: faultconn.Script{
			Faults: []faultconn.Fault{{After: after, Kind: faultconn.Reset}},
		}})
		if n, err := vecio.Writev(c, [][]byte{[]byte("abcde"), []byte("fghij")}); n != after || err == nil {
			t.Errorf("Writev to a conn reset after %d = %d, %v", after, n, err)
		}
	}
	inner, _ := faultconn.Pair(0)
	c := faultconn.Wrap(inner, faultconn.Plan{Write: faultconn.Script{MaxBytes: 3, Short: true}})
	if n, err := vecio.Writev(c, [][]byte{[]byte("abcde")}); n != 3 || err != io.ErrShortWrite {
		t.Errorf("Writev to a conn that writes short = %d, %v, want 3, io.ErrShortWrite", n, err)
	}
}

func TestReadv(t *testing.T) {
	for _, l := range legs {
		t.Run(l.name, func(t *testing.T) {
			leg := l.make(t)
			r := vecio.NewReader(leg.inner)
			x, y := make([]byte, 2), make([]byte, 3)
			go leg.outer.Write([]byte("abcde"))
			var got []byte
			for len(got) < 5 {
				n, err := r.Readv([][]byte{nil, x, y})
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, append(append([]byte{}, x...), y...)[:n]...)
			}
			if string(got) != "abcde" {
				t.Fatalf("read %q", got)
			}
			leg.inner.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			if n, err := r.Readv([][]byte{x}); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("Readv at the deadline = %d, %v", n, err)
			}
			leg.inner.SetReadDeadline(time.Time{})
			leg.outer.Close()
			if n, err := r.Readv([][]byte{x}); n != 0 || err != io.EOF {
				t.Fatalf("Readv at the end = %d, %v", n, err)
			}
		})
	}
}

// onePool lends one buffer, and keeps count.
type onePool struct {
	b    [64 << 10]byte
	lent int
}

func (p *onePool) Get(n int) []byte { p.lent++; return p.b[:n] }
func (p *onePool) Put([]byte)       { p.lent-- }

func TestReadReady(t *testing.T) {
	for _, l := range legs {
		t.Run(l.name, func(t *testing.T) {
			leg := l.make(t)
			var p onePool
			go leg.outer.Write([]byte("abc"))
			b, err := vecio.ReadReady(leg.inner, &p)
			if string(b) != "abc" || err != nil || p.lent != 1 {
				t.Fatalf("ReadReady = %q, %v, %d lent", b, err, p.lent)
			}
			p.Put(b)
			leg.outer.Close()
			if b, err := vecio.ReadReady(leg.inner, &p); b != nil || err != io.EOF || p.lent != 0 {
				t.Fatalf("ReadReady at the end = %q, %v, %d lent", b, err, p.lent)
			}
		})
	}
}

func TestBoundAllocs(t *testing.T) {
	l := socketLeg(t, "tcp")
	w, r := vecio.NewWriter(l.inner), vecio.NewReader(l.outer.(*net.TCPConn))
	out := [][]byte{[]byte("abc"), []byte("defg")}
	in := [][]byte{make([]byte, 3), make([]byte, 10)}
	var p onePool
	n := testing.AllocsPerRun(200, func() {
		if _, err := w.Writev(out); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Readv(in); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(out[0]); err != nil {
			t.Fatal(err)
		}
		b, err := r.ReadReady(&p)
		if err != nil {
			t.Fatal(err)
		}
		p.Put(b)
	})
	if n > 0 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}
