package rivals

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/link"
)

// BenchmarkMuxLink sends 32 MiB on one stream of a new session over a link of
// 1 Gbit/s, 10 ms each way: whose windows do not grow is slow for ever, and whose
// grow late is slow at first. It needs root and the ip program. One turn is
// enough (-benchtime 1x).
//
// LINKBRIDGE names the program linkbridge; it is built if that is empty.
func BenchmarkMuxLink(b *testing.B) {
	bridge := os.Getenv("LINKBRIDGE")
	if bridge == "" {
		bridge = filepath.Join(b.TempDir(), "linkbridge")
		build := exec.Command("go", "build", "-C", "..", "-o", bridge, "./cmd/linkbridge")
		build.Env = append(os.Environ(), "GOWORK=off")
		if out, err := build.CombinedOutput(); err != nil {
			b.Fatalf("linkbridge: %v: %s", err, out)
		}
	}
	l, err := link.New(b.Context(), link.Config{Bridge: bridge})
	if errors.Is(err, link.ErrUnavailable) {
		b.Skipf("no link to measure on: %v", err)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Check(b.Context()); err != nil {
		b.Fatal(err)
	}
	dial := func() (net.Conn, net.Conn, error) { return dialLink(b.Context(), l) }
	for _, m := range muxers {
		if m.own != "" {
			continue
		}
		p := pairing{m, "link", dial}
		b.Run(p.String(), func(b *testing.B) {
			const total = 32 << 20
			b.SetBytes(total)
			for b.Loop() {
				var received atomic.Int64
				arrived := make(chan struct{})
				client := p.startMux(b, func(_, n int) {
					if received.Add(int64(n)) == total {
						close(arrived)
					}
				})
				stream, err := openStream(client, roleSink)
				if err != nil {
					b.Fatal(err)
				}
				chunk := make([]byte, bulkWrite)
				for range total / bulkWrite {
					if _, err := stream.Write(chunk); err != nil {
						b.Fatal(err)
					}
				}
				<-arrived
			}
		})
	}
}

// dialLink connects the two ends of a link.
func dialLink(ctx context.Context, l *link.Link) (client, server net.Conn, err error) {
	ln, err := l.Listen(ctx, link.Server, "tcp", netip.AddrPortFrom(l.Addr(link.Server), 0).String())
	if err != nil {
		return nil, nil, err
	}
	defer ln.Close()
	if client, err = l.Dial(ctx, link.Client, "tcp", ln.Addr().String()); err != nil {
		return nil, nil, err
	}
	if server, err = ln.Accept(); err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return client, server, nil
}
