//go:build !purego

package chachapoly

import (
	"crypto/cipher"
	"math/rand/v2"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/headrace-go/headrace/internal/cpufeat"
)

// skipWithout skips a test of the kernels where they cannot run.
func skipWithout(t testing.TB) {
	t.Helper()
	if reason := cpufeat.Missing(needed); reason != "" {
		t.Skipf("the kernels cannot run here: %s", reason)
	}
}

// all switches the hand-over to golang.org/x/crypto off during a test.
func all(t testing.TB) {
	skipWithout(t)
	saved := others
	others = choice{}
	t.Cleanup(func() { others = saved })
}

type source struct{ *rand.ChaCha8 }

func newSource(seed byte) source { return source{rand.NewChaCha8([32]byte{seed})} }

func (s source) bytes(n int) []byte {
	b := make([]byte, n)
	s.Read(b)
	return b
}

func (s source) intN(n int) int { return int(s.Uint64() % uint64(n)) }

// pair is an AEAD of ours, and what it is compared with.
type pair struct{ got, want cipher.AEAD }

func (s source) pair(t testing.TB) (p pair) {
	t.Helper()
	key := s.bytes(keySize)
	got, err := New(key)
	if err != nil {
		t.Fatal(err)
	}
	p.got = got
	if p.want, err = chacha20poly1305.New(key); err != nil {
		t.Fatal(err)
	}
	return p
}

// lengths are all up to where the loops are entered in every way, and some
// around the multiples of what they do, and of what is done in one call.
func lengths() []int {
	var l []int
	for n := range 4161 {
		l = append(l, n)
	}
	for m := 6144; m <= 1<<16; m += 1536 {
		for _, d := range []int{-128, -65, -64, -1, 0, 1, 15, 16, 127, 128} {
			l = append(l, m+d)
		}
	}
	for _, m := range []int{1 << 16, 1 << 17, 1<<17 + 1536} {
		for _, d := range []int{-129, -128, -1, 0, 1, 16, 64, 128, 192, 193, 1000} {
			l = append(l, m+d)
		}
	}
	return l
}
