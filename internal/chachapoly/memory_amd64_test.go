//go:build !purego

package chachapoly

import (
	"bytes"
	"runtime"
	"testing"

	"golang.org/x/crypto/chacha20"

	"github.com/headrace-go/headrace/internal/registers"
)

func TestAllocs(t *testing.T) {
	skipWithout(t)
	a, err := New(make([]byte, keySize))
	if err != nil {
		t.Fatal(err)
	}
	x, err := NewX(make([]byte, keySize))
	if err != nil {
		t.Fatal(err)
	}
	nonces := make([]byte, 24)
	for _, n := range []int{0, 100, 300, 1350, 16384, 65535, 100000} {
		buf := make([]byte, n+chunkOverhead)
		in := buf[chunkHeadroom : chunkHeadroom+n]
		for name, f := range map[string]func(){
			"Seal": func() { a.Seal(in[:0], nonces[:12], in, nil) },
			"Open": func() {
				a.Seal(in[:0], nonces[:12], in, nil)
				a.Open(in[:0], nonces[:12], in[:n+tagSize], nil)
			},
			"SealX": func() { x.Seal(in[:0], nonces, in, nil) },
			"SealChunk": func() {
				if n <= maxPayload {
					a.SealChunk(buf[:0], nonces, in)
					a.OpenChunk(in[:0], nonces, buf, n)
				}
			},
		} {
			if got := testing.AllocsPerRun(10, f); got != 0 {
				t.Errorf("%s of %d bytes: %v allocations, want 0", name, n, got)
			}
		}
	}
}

// After a record neither its key, the one-time key, nor its text is on the
// stack, where the kernel had them.
func TestStackIsCleared(t *testing.T) {
	all(t)
	s := newSource(11)
	deepen(1 << 16)
	var stack [2048]byte
	for n := 100; n < 3500; n += 97 {
		key, nonce := s.bytes(keySize), s.bytes(nonceSize)
		a, err := New(key)
		if err != nil {
			t.Fatal(err)
		}
		plain := s.bytes(n)
		stream, err := chacha20.NewUnauthenticatedCipher(key, nonce)
		if err != nil {
			t.Fatal(err)
		}
		oneTime := make([]byte, 32)
		stream.XORKeyStream(oneTime, oneTime)
		out := make([]byte, 0, n+tagSize)
		look := func(what string, stackOf func(*[2048]byte)) {
			stackOf(&stack)
			for name, secret := range map[string][]byte{"its key": key, "the one-time key": oneTime[16:], "text": plain[n-16:]} {
				if bytes.Contains(stack[:], secret[:8]) {
					t.Fatalf("%s of %d bytes leaves %s on the stack", what, n, name)
				}
			}
		}
		sealed := a.Seal(out, nonce, plain, nil)
		look("Seal", registers.Stack)
		look("Seal", lowerStack)
		if _, err := a.Open(out, nonce, sealed, nil); err != nil {
			t.Fatal(err)
		}
		look("Open", registers.Stack)
		look("Open", lowerStack)
	}
}

// lowerStack is registers.Stack from further down: one frame is 2.5 KB.
//
//go:noinline
func lowerStack(dst *[2048]byte) {
	var room [1200]byte
	registers.Stack(dst)
	runtime.KeepAlive(&room)
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
