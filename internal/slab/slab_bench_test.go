package slab_test

import (
	"fmt"
	"sync"
	"testing"
	"unsafe"

	"github.com/headrace-go/headrace/internal/slab"
)

func BenchmarkGetPut(b *testing.B) {
	for _, n := range []int{64, 1350, 16<<10 + 64, 64 << 10} {
		a := slab.New(slab.Config{})
		bare := sync.Pool{New: func() any { return unsafe.SliceData(make([]byte, n)) }}
		b.Run(fmt.Sprintf("impl=ours/size=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a.Put(a.Get(n))
			}
		})
		b.Run(fmt.Sprintf("impl=syncpool/size=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bare.Put(bare.Get().(*byte))
			}
		})
	}
}
