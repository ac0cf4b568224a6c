package bufpool_test

import (
	"fmt"
	"testing"

	"github.com/headrace-go/headrace/bufpool"
)

// BenchmarkLease leases a buffer with headroom and tailroom and releases it.
func BenchmarkLease(b *testing.B) {
	p := mustNew(b, bufpool.Config{})
	for _, size := range []int{64, 1350, 16 << 10} {
		b.Run(fmt.Sprintf("impl=ours/size=%d/mode=serial", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Lease(32, size, 16).Release()
			}
		})
		b.Run(fmt.Sprintf("impl=ours/size=%d/mode=parallel", size), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					p.Lease(32, size, 16).Release()
				}
			})
		})
		// The same work without a record of who holds what.
		b.Run(fmt.Sprintf("impl=slice/size=%d/mode=serial", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Put(p.Get(32 + size + 16))
			}
		})
	}
}

// BenchmarkShare hands a lease to a second holder and back.
func BenchmarkShare(b *testing.B) {
	p := mustNew(b, bufpool.Config{})
	buf := p.Lease(0, 1350, 0)
	defer buf.Release()
	b.ReportAllocs()
	for b.Loop() {
		buf.Share().Release()
	}
}

// BenchmarkHeader prepends a record header and takes it off again.
func BenchmarkHeader(b *testing.B) {
	p := mustNew(b, bufpool.Config{})
	buf := p.Lease(32, 1350, 16)
	defer buf.Release()
	b.ReportAllocs()
	for b.Loop() {
		header, err := buf.Prepend(5)
		if err != nil {
			b.Fatal(err)
		}
		header[0] = byte(len(buf.Bytes()))
		if err := buf.Advance(5); err != nil {
			b.Fatal(err)
		}
	}
}
