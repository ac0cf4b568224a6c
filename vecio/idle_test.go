package vecio_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/internal/liveheap"
	"github.com/headrace-go/headrace/internal/slab"
	"github.com/headrace-go/headrace/vecio"
)

// TestIdlePinsNoBuffer: after bytes went both ways, relays point to no buffer
// that they gave back. The collector could not take it.
func TestIdlePinsNoBuffer(t *testing.T) {
	parker, err := vecio.NewParker()
	if err != nil {
		t.Fatal(err)
	}
	defer parker.Close()
	for _, ends := range [][2]string{{"tcp", "tcp"}, {"unix", "tcp"}, {"wrapped", "unix"}, {"layered", "tcp"}, {"tcp", "layered"}} {
		for _, parked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s-%s, parked %v", ends[0], ends[1], parked), func(t *testing.T) {
				memory := slab.New(slab.Config{})
				cfg := vecio.RelayConfig{Pool: memory, NoSplice: true}
				if parked {
					cfg.Parker, cfg.ParkAfter = parker, time.Microsecond
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				const relays = 10
				for i := range relays {
					a, b := parkableLeg(t, ends[0]), parkableLeg(t, ends[1])
					done := start(t, ctx, a, b, cfg)
					defer func() { cancel(); <-done }()
					data := make([]byte, 30_000*i)
					for _, way := range []struct {
						from io.Writer
						to   io.Reader
					}{{a.outer, b.outer}, {b.outer, a.outer}} {
						written := make(chan error, 1)
						go func() {
							_, err := way.from.Write(data)
							written <- err
						}()
						if _, err := io.CopyN(io.Discard, way.to, int64(len(data))); err != nil {
							t.Fatal(err)
						}
						if err := <-written; err != nil {
							t.Fatal(err)
						}
					}
				}
				if parked {
					awaitParked(t, parker, 2*relays)
				}
				await.Until(t, "no buffer is pinned", func() bool { return liveheap.Pinned(memory) == 0 })
			})
		}
	}
}
