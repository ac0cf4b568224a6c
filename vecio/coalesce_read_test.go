package vecio_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/vecio"
)

// recordSizes are the bodies of a stream that has a bit of everything.
func recordSizes(rnd *rand.Rand) (sizes []int) {
	for range 16 {
		switch rnd.IntN(4) {
		case 0:
			sizes = append(sizes, rnd.IntN(3))
		case 1:
			sizes = append(sizes, rnd.IntN(2000))
		case 2:
			for range rnd.IntN(8) { // what is told from the last one is right
				sizes = append(sizes, 16401)
			}
		default:
			sizes = append(sizes, rnd.IntN(1<<15))
		}
	}
	return sizes
}

// TestCoalesceReadEndsWithRecord is the promise that the rest is built upon:
// whatever arrives in whatever pieces, no Read returns bytes of two records.
func TestCoalesceReadEndsWithRecord(t *testing.T) {
	ends := map[string]func() (outer, inner net.Conn){
		"tcp":  func() (net.Conn, net.Conn) { return faultconn.Sockets(t, "tcp") },
		"unix": func() (net.Conn, net.Conn) { return faultconn.Sockets(t, "unix") },
		"memory": func() (net.Conn, net.Conn) {
			a, b := faultconn.Pair(0)
			return a, b
		},
		"wrapped": func() (net.Conn, net.Conn) {
			a, b := faultconn.Sockets(t, "tcp")
			return a, &counted{Conn: b}
		},
	}
	for name, make2 := range ends {
		for seed := range uint64(12) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			outer, inner := make2()
			var pool ledger
			cfg := vecio.CoalesceConfig{Pool: &pool, ReadAhead: 16 << 10 << rnd.IntN(4)}
			if seed%3 == 0 {
				cfg.Budget = noBudget{}
			}
			c := vecio.Coalesce(inner, cfg)
			var sent []byte
			var ends []int
			for _, n := range recordSizes(rnd) {
				sent = append(sent, record(n)...)
				ends = append(ends, len(sent))
			}
			var plan faultconn.Plan
			if seed%2 == 1 {
				plan = faultconn.Draw(rnd.IntN, len(sent))
				sent = sent[:min(len(sent), 20<<10*max(1, plan.Write.MaxBytes))] // a piece is a system call
			}
			go func() {
				faultconn.Wrap(outer, plan).Write(sent)
				outer.(interface{ CloseWrite() error }).CloseWrite()
			}()
			mine := rand.New(rand.NewPCG(seed, 2))
			got, buf := 0, make([]byte, 40<<10)
			for {
				p := buf[:1+mine.IntN(len(buf))]
				if mine.IntN(3) == 0 {
					p = p[:1+mine.IntN(min(len(p), 20))]
				}
				n, err := c.Read(p)
				if !bytes.Equal(p[:n], sent[got:got+n]) {
					t.Fatalf("%s, seed %d: other bytes at %d", name, seed, got)
				}
				if got += n; n > 0 && got > ends[0] {
					t.Fatalf("%s, seed %d: a Read up to %d crosses the end of a record at %d", name, seed, got, ends[0])
				}
				for len(ends) > 0 && ends[0] <= got {
					ends = ends[1:]
				}
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if got != len(sent) {
				t.Errorf("%s, seed %d: %d bytes of %d arrived", name, seed, got, len(sent))
			}
			if n := pool.bytes(); n != 0 {
				t.Errorf("%s, seed %d: %d bytes are still lent", name, seed, n)
			}
			if w, ok := inner.(*counted); ok && w.read.Load() != int64(len(sent)) {
				t.Errorf("the wrapper counted %d bytes, want %d", w.read.Load(), len(sent))
			}
			c.Close()
		}
	}
}

// noBudget refuses everything.
type noBudget struct{}

func (noBudget) TryReserve(int) bool { return false }
func (noBudget) Release(int)         {}

// FuzzCoalesceRead reads any bytes in any pieces, beside the definition of a
// record.
func FuzzCoalesceRead(f *testing.F) {
	f.Add([]byte("\x17\x03\x03\x00\x02ab\x17\x03\x03\x00\x00\x17\x03\x03\x00\x01cGET /"), []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, sent, sizes []byte) {
		outer, inner := faultconn.Pair(max(1, len(sent)))
		outer.Write(sent)
		outer.Close()
		c := vecio.Coalesce(inner, vecio.CoalesceConfig{})
		defer c.Close()
		for rest, i := sent, 0; ; i++ {
			record := rest // what is left of it
			if len(rest) >= 5 {
				record = rest[:min(len(rest), 5+int(rest[3])<<8+int(rest[4]))]
			}
			for first := true; first || len(record) > 0; first = false {
				size := 1
				if len(sizes) > 0 {
					size += int(sizes[i%len(sizes)])
				}
				i++
				p := make([]byte, size)
				n, err := c.Read(p)
				if err == io.EOF && len(rest) == 0 {
					return
				}
				if err != nil || n == 0 || n > len(record) || !bytes.Equal(p[:n], record[:n]) {
					t.Fatalf("Read = %d, %v with %d of a record left", n, err, len(record))
				}
				record, rest = record[n:], rest[n:]
			}
		}
	})
}
