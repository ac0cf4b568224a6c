package rivals

import (
	"fmt"
	"sync"
	"testing"

	"github.com/bytedance/gopkg/lang/mcache"
	libp2p "github.com/libp2p/go-buffer-pool"
	"github.com/sagernet/sing/common/buf"
	"github.com/valyala/bytebufferpool"

	"github.com/headrace-go/headrace/bufpool"
)

// A lender is a buffer pool as one turn of its use: take n bytes, touch them,
// give them back.
type lender struct {
	name string
	turn func(n int)
}

// sink keeps the compiler from proving that a buffer never leaves its turn.
var sink byte

func touch(b []byte) { b[0], b[len(b)-1] = 1, 2 }

func lenders(t testing.TB, size int) []lender {
	ours, err := bufpool.New(bufpool.Config{})
	if err != nil {
		t.Fatal(err)
	}
	pointers := sync.Pool{New: func() any { b := make([]byte, size); return &b }}
	var growing bytebufferpool.Pool
	return []lender{
		{"headrace", func(n int) { b := ours.Get(n); touch(b); ours.Put(b) }},
		{"syncpool", func(int) { b := pointers.Get().(*[]byte); touch(*b); pointers.Put(b) }},
		{"libp2p", func(n int) { b := libp2p.Get(n); touch(b); libp2p.Put(b) }},
		{"bytebufferpool", func(n int) {
			b := growing.Get()
			if cap(b.B) < n {
				b.B = make([]byte, n)
			}
			b.B = b.B[:n]
			touch(b.B)
			growing.Put(b)
		}},
		{"mcache", func(n int) { b := mcache.Malloc(n); touch(b); mcache.Free(b) }},
		{"sing", func(n int) { b := buf.NewSize(n); touch(b.Extend(n)); b.Release() }},
		{"make", func(n int) { b := make([]byte, n); touch(b); sink = b[n/2] }},
	}
}

var sizes = []int{64, 1350, 16<<10 + 64, 64 << 10}

func BenchmarkBuffer(b *testing.B) {
	for _, size := range sizes {
		for _, l := range lenders(b, size) {
			b.Run(fmt.Sprintf("impl=%s/size=%d/mode=serial", l.name, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					l.turn(size)
				}
			})
		}
	}
}

func BenchmarkBufferParallel(b *testing.B) {
	for _, size := range sizes {
		for _, l := range lenders(b, size) {
			if l.name == "make" {
				continue // its shared sink would be what is measured
			}
			b.Run(fmt.Sprintf("impl=%s/size=%d/mode=parallel", l.name, size), func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						l.turn(size)
					}
				})
			})
		}
	}
}

// TestLenders: every adapter lends what it is asked for.
func TestLenders(t *testing.T) {
	for _, size := range sizes {
		for _, l := range lenders(t, size) {
			for range 3 {
				l.turn(size) // panics on a buffer that is too short
			}
		}
	}
}
