package rivals

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/sagernet/sing/common/buf"
	"github.com/sagernet/sing/common/bufio"

	"github.com/headrace-go/headrace/vecio"
)

// A gatherer writes several slices to a TCP connection as one run of bytes.
type gatherer struct {
	name string
	// writer returns the write function for a connection. It must not change
	// the slice of slices.
	writer func(c net.Conn) func(bufs [][]byte) error
}

var gatherers = []gatherer{
	{"headrace", func(c net.Conn) func([][]byte) error {
		return func(bufs [][]byte) error {
			_, err := vecio.Writev(c, bufs)
			return err
		}
	}},
	{"netbuffers", func(c net.Conn) func([][]byte) error {
		var scratch net.Buffers // WriteTo consumes its slice
		return func(bufs [][]byte) error {
			scratch = append(scratch[:0], bufs...)
			consumed := scratch
			_, err := consumed.WriteTo(c)
			return err
		}
	}},
	{"sing", func(c net.Conn) func([][]byte) error {
		w := bufio.NewVectorisedWriter(c)
		return func(bufs [][]byte) error {
			wrapped := make([]*buf.Buffer, len(bufs))
			for i, b := range bufs {
				wrapped[i] = buf.As(b)
			}
			return w.WriteVectorised(wrapped)
		}
	}},
	{"copy", func(c net.Conn) func([][]byte) error {
		var joined []byte
		return func(bufs [][]byte) error {
			joined = joined[:0]
			for _, b := range bufs {
				joined = append(joined, b...)
			}
			_, err := c.Write(joined)
			return err
		}
	}},
	{"writes", func(c net.Conn) func([][]byte) error {
		return func(bufs [][]byte) error {
			for _, b := range bufs {
				if _, err := c.Write(b); err != nil {
					return err
				}
			}
			return nil
		}
	}},
}

// slices16 returns 16 slices of n bytes each.
func slices16(n int) [][]byte {
	bufs := make([][]byte, 16)
	for i := range bufs {
		bufs[i] = bytes.Repeat([]byte{byte('a' + i)}, n)
	}
	return bufs
}

func TestGatherers(t *testing.T) {
	for _, g := range gatherers {
		t.Run(g.name, func(t *testing.T) {
			client, server := mustDial(t, dialTCP)
			bufs := slices16(1350)
			want := bytes.Join(bufs, nil)
			write := g.writer(client)
			for range 3 {
				if err := write(bufs); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(want))
				if _, err := io.ReadFull(server, got); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("what arrived differs from what was written (%v)", err)
				}
			}
		})
	}
}

func BenchmarkGather(b *testing.B) {
	for _, size := range []int{64, 1350, 16384} {
		for _, g := range gatherers {
			b.Run(fmt.Sprintf("impl=%s/bufs=16/size=%d", g.name, size), func(b *testing.B) {
				client, server := mustDial(b, dialTCP)
				go io.Copy(io.Discard, server) // ends when the connection closes
				bufs := slices16(size)
				write := g.writer(client)
				b.SetBytes(int64(16 * size))
				b.ReportAllocs()
				for b.Loop() {
					if err := write(bufs); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
