package bufpool_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/headrace-go/headrace/bufpool"
)

// BenchmarkSmall takes a scratch buffer of a few bytes in each of the ways that
// there are, writes to it and is done. The package comment draws the advice
// from it.
func BenchmarkSmall(b *testing.B) {
	p := mustNew(b, bufpool.Config{})
	arena := &bufpool.Arena{Pool: p}
	b.Run("impl=stack/size=64", func(b *testing.B) { benchScratch(b, stack64) })
	b.Run("impl=stack/size=1024", func(b *testing.B) { benchScratch(b, stack1024) })
	b.Run("impl=stack/size=16384", func(b *testing.B) { benchScratch(b, stack16384) })
	for _, size := range []int{64, 1024, 16384} {
		b.Run(fmt.Sprintf("impl=pool/size=%d", size), func(b *testing.B) {
			benchScratch(b, func() byte {
				s := p.Get(size)
				v := touch(s)
				p.Put(s)
				return v
			})
		})
		b.Run(fmt.Sprintf("impl=lease/size=%d", size), func(b *testing.B) {
			benchScratch(b, func() byte {
				buf := p.Lease(0, size, 0)
				v := touch(buf.Bytes())
				buf.Release()
				return v
			})
		})
		b.Run(fmt.Sprintf("impl=arena/size=%d", size), func(b *testing.B) {
			n := 0
			benchScratch(b, func() byte {
				s, err := arena.Alloc(size)
				if err != nil {
					b.Fatal(err)
				}
				if n++; n == 16 { // as many temporaries as a handshake has
					n = 0
					arena.Reset()
				}
				return touch(s)
			})
			arena.Reset()
		})
		b.Run(fmt.Sprintf("impl=make/size=%d", size), func(b *testing.B) {
			benchScratch(b, func() byte {
				sink = make([]byte, size)
				return touch(sink)
			})
		})
	}
}

func benchScratch(b *testing.B, f func() byte) {
	b.ReportAllocs()
	for b.Loop() {
		f()
	}
}

// touch is not inlined: the compiler would see that most bytes are never read,
// and not clear the arrays on the stack.
//
//go:noinline
func touch(s []byte) byte {
	s[0], s[len(s)-1] = 1, 2
	return s[len(s)/2]
}

func stack64() byte    { var s [64]byte; return touch(s[:]) }
func stack1024() byte  { var s [1024]byte; return touch(s[:]) }
func stack16384() byte { var s [16384]byte; return touch(s[:]) }

// BenchmarkHeaderWrite writes a two-byte header and a payload: from an array
// that escapes, and from the headroom of the payload's own buffer.
func BenchmarkHeaderWrite(b *testing.B) {
	p := mustNew(b, bufpool.Config{})
	buf := p.Lease(2, 1350, 0)
	defer buf.Release()
	var w io.Writer = io.Discard
	b.Run("impl=array", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var header [2]byte
			header[0], header[1] = 5, 70
			if _, err := w.Write(header[:]); err != nil {
				b.Fatal(err)
			}
			if _, err := w.Write(buf.Bytes()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("impl=headroom", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			header, err := buf.Prepend(2)
			if err != nil {
				b.Fatal(err)
			}
			header[0], header[1] = 5, 70
			if _, err = w.Write(buf.Bytes()); err != nil {
				b.Fatal(err)
			}
			if err := buf.Advance(2); err != nil {
				b.Fatal(err)
			}
		}
	})
}
