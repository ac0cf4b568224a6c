package bufpool_test

import (
	"fmt"
	"sync"
	"testing"
	"unsafe"

	"github.com/headrace-go/headrace/bufpool"
)

var sink []byte

// BenchmarkGetPut takes one buffer and gives it back.
func BenchmarkGetPut(b *testing.B) {
	for _, size := range []int{64, 1350, 16<<10 + 64, 64 << 10} {
		ours := mustNew(b, bufpool.Config{})
		bare := sync.Pool{New: func() any { return unsafe.SliceData(make([]byte, size)) }}
		for _, impl := range []struct {
			name string
			pair func()
		}{
			{"ours", func() { ours.Put(ours.Get(size)) }},
			{"syncpool", func() { bare.Put(bare.Get().(*byte)) }},
			{"make", func() { sink = make([]byte, size) }},
		} {
			b.Run(fmt.Sprintf("impl=%s/size=%d/mode=serial", impl.name, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					impl.pair()
				}
			})
			if impl.name == "make" {
				continue // one sink for all would race
			}
			b.Run(fmt.Sprintf("impl=%s/size=%d/mode=parallel", impl.name, size), func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						impl.pair()
					}
				})
			})
		}
	}
}
