//go:build !purego

package aesgcm_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/headrace-go/headrace/internal/aesgcm"
	"github.com/headrace-go/headrace/internal/registers"
)

type chunker interface {
	cipher.AEAD
	SealChunk(dst, nonces, payload []byte) []byte
	OpenChunk(dst, nonces, src []byte, limit int) ([]byte, int, error)
	Trim()
}

// kernels are what there is to test, with what looks at their registers.
var kernels = []struct {
	backend string
	bits    int
	fill    func()
	left    func() uint64
}{
	{"zmm", 128, registers.FillZMM, registers.LeftZMM},
	{"zmm", 256, registers.FillZMM, registers.LeftZMM},
	{"ymm", 128, registers.FillYMM, registers.LeftYMM},
	{"ymm", 256, registers.FillYMM, registers.LeftYMM},
}

// eachKernel runs f for all kernels that this machine can run.
func eachKernel(t *testing.T, f func(t *testing.T, c *candidate)) {
	for _, k := range kernels {
		t.Run(fmt.Sprintf("%s/%d", k.backend, k.bits), func(t *testing.T) {
			c := &candidate{Rand: rand.New(rand.NewPCG(1, uint64(k.bits))), fill: k.fill, left: k.left}
			c.backend, c.key = k.backend, c.bytes(k.bits/8)
			key := c.key
			a, reason := aesgcm.New(k.backend, key)
			if a == nil {
				t.Skipf("%s cannot run here: %s", k.backend, reason)
			}
			c.aead = a.(chunker)
			c.std = std(t, key)
			f(t, c)
		})
	}
}

// A candidate is an AEAD beside the standard library's under the same key.
type candidate struct {
	*rand.Rand
	backend string
	key     []byte
	aead    chunker
	std     cipher.AEAD
	fill    func()
	left    func() uint64
}

// again returns the same AEAD under another key.
func (c *candidate) again(t *testing.T, key []byte) cipher.AEAD {
	t.Helper()
	a, reason := aesgcm.New(c.backend, key)
	if a == nil {
		t.Fatal(reason)
	}
	return a
}

func std(t testing.TB, key []byte) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (c *candidate) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(c.Uint32())
	}
	return b
}

// check seals and opens one record, in place and not, with junk in all
// registers before and nothing in the wide ones after.
func (c *candidate) check(nonce, plain, additional []byte) error {
	want := c.std.Seal(nil, nonce, plain, additional)
	out := bytes.Repeat([]byte{0xa5}, len(want)+80)
	text := out[:len(want):len(want)]
	c.fill()
	c.aead.Seal(text[:0], nonce, plain, additional)
	left := c.left()
	if !bytes.Equal(text, want) {
		return fmt.Errorf("Seal differs from byte %d of %d on", mismatch(text, want), len(want))
	}
	if left != 0 {
		return fmt.Errorf("Seal leaves wide registers in use")
	}
	c.fill()
	opened, err := c.aead.Open(text[:0], nonce, text, additional)
	left = c.left()
	if err != nil || !bytes.Equal(opened, plain) {
		return fmt.Errorf("Open in place: %v, differs from byte %d of %d on", err, mismatch(opened, plain), len(plain))
	}
	if left != 0 {
		return fmt.Errorf("Open leaves wide registers in use")
	}
	c.fill()
	if c.aead.Seal(text[:0], nonce, opened, additional); !bytes.Equal(text, want) {
		return fmt.Errorf("Seal in place differs from byte %d of %d on", mismatch(text, want), len(want))
	}
	if n := bytes.Count(out[len(want):], []byte{0xa5}); n != 80 {
		return fmt.Errorf("%d bytes behind the output have changed", 80-n)
	}
	bad := bytes.Clone(want)
	bad[c.IntN(len(bad))] ^= 1 << c.IntN(8)
	c.fill()
	if opened, err := c.aead.Open(text[:0], nonce, bad, additional); err == nil || opened != nil {
		return fmt.Errorf("Open of a forged record = %d bytes, %v", len(opened), err)
	}
	if n := bytes.Count(text[:len(plain)], []byte{0}); n != len(plain) {
		return fmt.Errorf("Open of a forged record leaves %d bytes", len(plain)-n)
	}
	return nil
}

func mismatch(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func TestAllLengths(t *testing.T) {
	eachKernel(t, func(t *testing.T, c *candidate) {
		var lengths []int
		for n := range 4161 {
			lengths = append(lengths, n)
		}
		for _, n := range []int{8 << 10, 16 << 10, 20000, 32 << 10, 64 << 10, 128 << 10, 200000} {
			for d := -17; d <= 17; d++ {
				lengths = append(lengths, n+d)
			}
		}
		for i, n := range lengths {
			additional := c.bytes([]int{0, 13, 16, 5, 17, 1, 64, 15, 200}[i%9])
			if err := c.check(c.bytes(12), c.bytes(n), additional); err != nil {
				t.Fatalf("%d bytes, %d bytes of additional data: %v", n, len(additional), err)
			}
		}
	})
}

func TestAllAdditionalLengths(t *testing.T) {
	eachKernel(t, func(t *testing.T, c *candidate) {
		lengths := []int{1023, 1024, 1025, 1040, 2048, 5000, 65535, 65536, 65537, 140000}
		for n := range 600 {
			lengths = append(lengths, n)
		}
		for _, n := range lengths {
			for _, text := range []int{0, 33, 1700, 65536 + 40} {
				if text > 2000 && n%97 != 0 {
					continue
				}
				if err := c.check(c.bytes(12), c.bytes(text), c.bytes(n)); err != nil {
					t.Fatalf("%d bytes, %d bytes of additional data: %v", text, n, err)
				}
			}
		}
	})
}

func TestAllChunkLengths(t *testing.T) {
	eachKernel(t, func(t *testing.T, c *candidate) {
		for n := 0; n <= 65535; n++ {
			if n > 2200 {
				n = min(n+c.IntN(500), 65535)
			}
			nonces, payload := c.bytes(24), c.bytes(n)
			want := c.std.Seal(nil, nonces[:12], []byte{byte(n >> 8), byte(n)}, nil)
			want = c.std.Seal(want, nonces[12:], payload, nil)
			chunk := make([]byte, n+34)
			copy(chunk[18:], payload)
			c.fill()
			c.aead.SealChunk(chunk[:0], nonces, chunk[18:18+n])
			if left := c.left(); left != 0 {
				t.Fatalf("SealChunk of %d bytes leaves wide registers in use", n)
			}
			if !bytes.Equal(chunk, want) {
				t.Fatalf("SealChunk of %d bytes differs from byte %d on", n, mismatch(chunk, want))
			}
			c.fill()
			got, size, err := c.aead.OpenChunk(chunk[18:18], nonces, chunk, 65535)
			if left := c.left(); left != 0 {
				t.Fatalf("OpenChunk of %d bytes leaves wide registers in use", n)
			}
			if err != nil || size != n+34 || !bytes.Equal(got, payload) {
				t.Fatalf("OpenChunk of %d bytes = %d bytes, %d, %v, differs from byte %d on", n, len(got), size, err, mismatch(got, payload))
			}
		}
	})
}

// TestOpenChunkWithoutRoom: where the payload does not fit dst, or only seems
// to overlap, it is opened by a second call.
func TestOpenChunkWithoutRoom(t *testing.T) {
	eachKernel(t, func(t *testing.T, c *candidate) {
		nonces, payload := c.bytes(24), c.bytes(100)
		chunk := c.aead.SealChunk(nil, nonces, payload)
		buf := make([]byte, 1000)
		for _, have := range []int{len(chunk), 300} {
			for room := range 120 {
				src := append(bytes.Clone(chunk), make([]byte, have-len(chunk))...)
				got, size, err := c.aead.OpenChunk(buf[:0:room], nonces, src, 65535)
				if err != nil || size != len(chunk) || !bytes.Equal(got, payload) {
					t.Fatalf("OpenChunk with room for %d bytes = %x, %d, %v", room, got, size, err)
				}
				src[len(chunk)-1] ^= 1
				if got, _, err := c.aead.OpenChunk(buf[:0:room], nonces, src, 65535); err == nil || got != nil {
					t.Fatalf("OpenChunk of a forged chunk with room for %d bytes = %x, %v", room, got, err)
				}
			}
		}
		copy(buf[200:], chunk)
		got, size, err := c.aead.OpenChunk(buf[:0], nonces, buf[200:600], 65535)
		if err != nil || size != len(chunk) || !bytes.Equal(got, payload) || &got[0] != &buf[0] {
			t.Fatalf("OpenChunk into what precedes src = %x, %d, %v", got, size, err)
		}
	})
}

func TestTrimWhileInUse(t *testing.T) {
	eachKernel(t, func(t *testing.T, c *candidate) {
		nonce, plain := c.bytes(12), c.bytes(1350)
		want := c.std.Seal(nil, nonce, plain, nil)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				out := make([]byte, 0, len(want))
				for range 300 {
					if got := c.aead.Seal(out, nonce, plain, nil); !bytes.Equal(got, want) {
						t.Error("Seal is wrong beside Trim")
						return
					}
					c.aead.Trim()
				}
			})
		}
		wg.Wait()
	})
}

// TestStackIsCleared: what goes by way of the stack, the text at the edge of a
// page, is not left there.
func TestStackIsCleared(t *testing.T) {
	eachKernel(t, func(t *testing.T, c *candidate) {
		pages := make([]byte, 3*4096)
		start := -int(addr(pages)) & 4095
		nonce := c.bytes(12)
		var stack [2048]byte
		deepen(1 << 16)
		for n := 33; n < 64; n++ {
			text := pages[start+4096-n : start+4096 : start+4096]
			secret := c.bytes(n)
			copy(text, secret)
			sealed := c.std.Seal(nil, nonce, secret, nil)
			out := make([]byte, n+16)
			c.aead.Seal(out[:0], nonce, text, nil)
			registers.Stack(&stack)
			if bytes.Contains(stack[:], secret[:8]) || bytes.Contains(stack[:], secret[16:32]) {
				t.Fatalf("Seal of %d bytes leaves text on the stack", n)
			}
			if _, err := c.aead.Open(text[:0], nonce, sealed, nil); err != nil || !bytes.Equal(text, secret) {
				t.Fatal("Open fails", err)
			}
			registers.Stack(&stack)
			if bytes.Contains(stack[:], secret[:8]) || bytes.Contains(stack[:], secret[16:32]) {
				t.Fatalf("Open of %d bytes leaves text on the stack", n)
			}
		}
	})
}

//go:noinline
func deepen(n int) byte {
	var room [1024]byte
	if n > len(room) {
		room[n%len(room)] = deepen(n - len(room))
	}
	runtime.KeepAlive(&room)
	return room[0]
}

func TestAllocs(t *testing.T) {
	eachKernel(t, func(t *testing.T, c *candidate) {
		nonces, payload := c.bytes(24), c.bytes(100000)
		buf := make([]byte, 0, len(payload)+34)
		for _, n := range []int{0, 1, 1350, 16384, len(payload)} {
			for _, additional := range [][]byte{nil, payload[:13], payload[:100]} {
				if got := testing.AllocsPerRun(10, func() {
					sealed := c.aead.Seal(buf, nonces[:12], payload[:n], additional)
					if _, err := c.aead.Open(sealed[:0], nonces[:12], sealed, additional); err != nil {
						t.Fatal(err)
					}
				}); got != 0 {
					t.Errorf("Seal and Open of %d bytes allocate %v times", n, got)
				}
			}
			if n > 65535 {
				continue
			}
			if got := testing.AllocsPerRun(10, func() {
				chunk := c.aead.SealChunk(buf, nonces, payload[:n])
				if _, _, err := c.aead.OpenChunk(chunk[18:18], nonces, chunk, n); err != nil {
					t.Fatal(err)
				}
			}); got != 0 {
				t.Errorf("SealChunk and OpenChunk of %d bytes allocate %v times", n, got)
			}
		}
	})
}

func addr(b []byte) uintptr { return uintptr(unsafe.Pointer(&b[0])) }

// TestEdges: nothing beyond the edges of pages is read or written, and what is
// at an edge comes out right.
func TestEdges(t *testing.T) {
	eachKernel(t, func(t *testing.T, c *candidate) {
		var rooms [5]fenced
		for i := range rooms {
			rooms[i] = newFenced(t, 12<<10)
		}
		for n := range 1400 {
			if n > 200 {
				n += 7 * c.IntN(40)
			}
			for _, last := range []bool{false, true} {
				additional := rooms[0].at(last, []int{13, 16, 5, 0, 40}[n%5])
				nonces := rooms[1].at(last, 24)
				text := rooms[2].at(last, n)
				for _, b := range [][]byte{additional, nonces, text} {
					for i := range b {
						b[i] = byte(c.Uint32())
					}
				}
				want := c.std.Seal(nil, nonces[12:], text, additional)
				sealed := rooms[3].at(last, n+16)
				c.aead.Seal(sealed[:0], nonces[12:], text, additional)
				opened := rooms[4].at(last, n)
				got, err := c.aead.Open(opened[:0], nonces[12:], sealed, additional)
				if err != nil || !bytes.Equal(sealed, want) || !bytes.Equal(got, text) {
					t.Fatalf("%d bytes at the edge of a page (at its end: %v): %v", n, last, err)
				}
				chunk := rooms[3].at(last, n+34)
				c.aead.SealChunk(chunk[:0], nonces, text)
				got, _, err = c.aead.OpenChunk(opened[:0:n], nonces, chunk, n)
				if err != nil || !bytes.Equal(got, text) {
					t.Fatalf("chunk of %d bytes at the edge of a page (at its end: %v): %v", n, last, err)
				}
			}
		}
	})
}
