//go:build !purego

package aesgcm_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/headrace-go/headrace/internal/aesgcm"
	"github.com/headrace-go/headrace/internal/registers"
)

type batcher interface {
	SealFour(out, in [4][]byte, nonces [48]byte) bool
	OpenFour(out, in [4][]byte, nonces [48]byte) (int, bool)
}

// TestAllFours: all lengths, in every place, beside others of any length, with
// junk in all registers before and nothing in the wide ones after. Whether one
// is forged, and which, does not concern those before it.
func TestAllFours(t *testing.T) {
	eachKernel(t, func(t *testing.T, c *candidate) {
		four := c.aead.(batcher)
		if c.backend != "zmm" {
			return // see TestFourIsRefused
		}
		done := 0
		for n := 1; n <= 384; n++ {
			for place := range 4 {
				var in, out, sealed, opened [4][]byte
				var nonces [48]byte
				copy(nonces[:], c.bytes(48))
				for i := range 4 {
					size := 1 + c.IntN(384)
					if i == place {
						size = n
					}
					in[i] = c.bytes(size)
					out[i] = bytes.Repeat([]byte{0xa5}, size+16+64)[:size+16]
					sealed[i] = c.std.Seal(nil, nonces[12*i:12*i+12], in[i], nil)
					opened[i] = bytes.Repeat([]byte{0xa5}, size+64)[:size]
				}
				c.fill()
				did := four.SealFour(out, in, nonces)
				left := c.left()
				if !did {
					continue // at the edge of a page
				}
				if left != 0 {
					t.Fatal("SealFour leaves wide registers in use")
				}
				done++
				for i := range 4 {
					if !bytes.Equal(out[i], sealed[i]) {
						t.Fatalf("SealFour of %d bytes in place %d differs from byte %d on", len(in[i]), i, mismatch(out[i], sealed[i]))
					}
					if behind := out[i][:cap(out[i])][len(out[i]):]; bytes.Count(behind, []byte{0xa5}) < 64 {
						t.Fatalf("SealFour of %d bytes in place %d writes behind its output", len(in[i]), i)
					}
				}
				forged := c.IntN(5)
				if forged < 4 {
					sealed[forged][c.IntN(len(sealed[forged]))] ^= 1 << c.IntN(8)
				}
				c.fill()
				got, did := four.OpenFour(opened, sealed, nonces)
				if left := c.left(); did && left != 0 {
					t.Fatal("OpenFour leaves wide registers in use")
				}
				if did && got != forged {
					t.Fatalf("OpenFour with record %d forged opens %d", forged, got)
				}
				for i := range 4 {
					want := in[i]
					switch {
					case !did:
						want = bytes.Repeat([]byte{0xa5}, len(want))
					case i >= forged:
						want = make([]byte, len(want))
					}
					if !bytes.Equal(opened[i], want) {
						t.Fatalf("OpenFour of %d bytes in place %d, %d authentic: differs from byte %d on", len(in[i]), i, forged, mismatch(opened[i], want))
					}
					if behind := opened[i][:cap(opened[i])][len(opened[i]):]; bytes.Count(behind, []byte{0xa5}) < 64 {
						t.Fatalf("OpenFour of %d bytes in place %d writes behind its output", len(in[i]), i)
					}
				}
				// In place, and back.
				for i := range 4 {
					copy(out[i], in[i])
					in[i] = out[i][:len(in[i])]
				}
				if !four.SealFour(out, in, nonces) {
					continue
				}
				if got, did := four.OpenFour(in, out, nonces); did && got != 4 {
					t.Fatalf("OpenFour in place opens %d", got)
				}
			}
		}
		if done < 384*4*3/4 {
			t.Errorf("SealFour has sealed %d of %d times", done, 384*4)
		}
	})
}

// TestFourIsRefused: what the kernel cannot, or not fast, it leaves to others,
// and it changes nothing then.
func TestFourIsRefused(t *testing.T) {
	eachKernel(t, func(t *testing.T, c *candidate) {
		four := c.aead.(batcher)
		pages := make([]byte, 3*4096)
		start := -int(addr(pages)) & 4095
		try := func(text []byte) bool {
			var in, out [4][]byte
			for i := range 4 {
				in[i] = pages[start+512*i:][:64]
				out[i] = pages[start+512*i+128:][:80]
			}
			in[2] = text
			out[2] = pages[start+2048:][:len(text)+16]
			did := four.SealFour(out, in, [48]byte{})
			if !did && bytes.Count(pages, []byte{0}) != len(pages) {
				t.Error("SealFour has not done it, and changed something")
			}
			clear(pages)
			return did
		}
		if got, want := try(make([]byte, 384)), c.backend == "zmm"; got != want {
			t.Errorf("SealFour = %v, want %v", got, want)
		}
		edge := pages[start+4096-20 : start+4096]
		for _, text := range [][]byte{nil, make([]byte, 385), edge} {
			if try(text) {
				t.Errorf("SealFour does %d bytes", len(text))
			}
		}
	})
}

// TestFourOverlap: exact overlap works, any other is refused.
func TestFourOverlap(t *testing.T) {
	eachKernel(t, func(t *testing.T, c *candidate) {
		if c.backend != "zmm" {
			t.Skip("no four records at once")
		}
		four := c.aead.(batcher)
		for _, shift := range []int{-80, -79, -1, 0, 1, 63, 79, 80} {
			buf := make([]byte, 1<<12)
			var in, out [4][]byte
			for i := range 4 {
				in[i], out[i] = buf[400*i+200:][:64], buf[400*i+200:][:80]
			}
			out[3] = buf[1400+shift:][:80]
			func() {
				defer func() {
					if got, want := recover() != nil, shift != 0 && shift > -80 && shift < 64; got != want {
						t.Errorf("shifted by %d: panics %v, want %v", shift, got, want)
					}
				}()
				four.SealFour(out, in, [48]byte{})
			}()
		}
	})
}

// TestStackFour: no nonce under the first round key is left on the stack, nor
// a text.
func TestStackFour(t *testing.T) {
	eachKernel(t, func(t *testing.T, c *candidate) {
		four := c.aead.(batcher)
		var in, out [4][]byte
		for i := range 4 {
			in[i], out[i] = c.bytes(200), make([]byte, 216)
		}
		var stack [2048]byte
		deepen(1 << 16)
		four.SealFour(out, in, [48]byte{})
		registers.Stack(&stack)
		for i := range 4 {
			if bytes.Contains(stack[:], in[i][:8]) || bytes.Contains(stack[:], c.key[:8]) {
				t.Error("SealFour leaves text or key on the stack")
			}
		}
	})
}

func TestFourAllocs(t *testing.T) {
	eachKernel(t, func(t *testing.T, c *candidate) {
		four := c.aead.(batcher)
		var in, out [4][]byte
		for i := range 4 {
			out[i] = make([]byte, 216)
			in[i] = out[i][:200]
		}
		if n := testing.AllocsPerRun(10, func() {
			four.SealFour(out, in, [48]byte{})
			four.OpenFour(in, out, [48]byte{})
		}); n != 0 {
			t.Errorf("SealFour and OpenFour allocate %v times", n)
		}
	})
}

// BenchmarkFour seals and opens four records one by one, and in one call.
func BenchmarkFour(b *testing.B) {
	for _, bits := range []int{128, 256} {
		for _, size := range []int{16, 64, 200, 350} {
			a, reason := aesgcm.New("zmm", make([]byte, bits/8))
			if a == nil {
				b.Skip(reason)
			}
			four := a.(batcher)
			var in, out [4][]byte
			for i := range 4 {
				in[i], out[i] = make([]byte, size, 512), make([]byte, size+16, 512)
			}
			nonces := make([]byte, 48)
			bench := func(op, impl string, f func(b *testing.B)) {
				b.Run(fmt.Sprintf("op=%s/bits=%d/size=%d/impl=%s", op, bits, size, impl), func(b *testing.B) {
					b.SetBytes(int64(4 * size))
					f(b)
				})
			}
			bench("seal", "one", func(b *testing.B) {
				for b.Loop() {
					for i := range 4 {
						a.Seal(out[i][:0], nonces[12*i:12*i+12], in[i], nil)
					}
				}
			})
			bench("seal", "four", func(b *testing.B) {
				for b.Loop() {
					four.SealFour(out, in, [48]byte(nonces))
				}
			})
			bench("open", "one", func(b *testing.B) {
				for b.Loop() {
					for i := range 4 {
						if _, err := a.Open(in[i][:0], nonces[12*i:12*i+12], out[i], nil); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
			bench("open", "four", func(b *testing.B) {
				for b.Loop() {
					if n, _ := four.OpenFour(in, out, [48]byte(nonces)); n != 4 {
						b.Fatal(n)
					}
				}
			})
		}
	}
}
