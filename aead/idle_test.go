package aead_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/internal/liveheap"
	"github.com/headrace-go/headrace/internal/slab"
)

// TestIdlePinsNoBuffer: after bytes went both ways, streams point to no buffer
// that they gave back. The collector could not take it.
func TestIdlePinsNoBuffer(t *testing.T) {
	memory := slab.New(slab.Config{})
	var conns []*aead.ChunkConn
	for i := range 30 {
		a, b := tcpPair(t)
		cfg := chunkConfig(mustAEAD(t, aead.AES128GCM), newLedger())
		cfg.Pool = memory
		c1, c2 := mustConn(t, a, cfg), mustConn(t, b, cfg)
		conns = append(conns, c1, c2)
		data := make([]byte, 1000*i)
		for _, way := range [][2]*aead.ChunkConn{{c1, c2}, {c2, c1}, {c1, c2}} {
			from, to := way[0], way[1]
			written := make(chan error, 1)
			go func() {
				_, err := io.Copy(from, bytes.NewReader(data))
				written <- err
			}()
			for left := len(data); left > 0; {
				n, err := to.Read(make([]byte, min(left, 700)))
				if err != nil {
					t.Fatal(err)
				}
				left -= n
			}
			if err := <-written; err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := liveheap.Pinned(memory); n != 0 {
		t.Errorf("%d idle streams keep %d buffers from the collector", len(conns), n)
	}
	runtime.KeepAlive(conns)
}
