//go:build !purego

package chachapoly

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/headrace-go/headrace/internal/dudect"
)

// TestTimingIsIndependentOfSecrets looks for a difference between the times of
// calls with fixed and random keys, fixed and random text, and forged tags that
// are wrong at the first and at the last byte. The lengths are one for each of
// the kernel's ways, the last with full passes.
func TestTimingIsIndependentOfSecrets(t *testing.T) {
	if os.Getenv("HEADRACE_SOAK") == "" {
		t.Skip("statistics on times: make soak")
	}
	all(t)
	for _, n := range []int{100, 350, 1000, 1350, 4096} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := newSource(byte(n))
			var keys, texts, forged [2][dudect.Pool][]byte
			fixedKey, fixedText := s.bytes(keySize), s.bytes(n)
			nonce, out := s.bytes(nonceSize), make([]byte, 0, n+tagSize)
			x, err := New(fixedKey)
			if err != nil {
				t.Fatal(err)
			}
			sealed := x.Seal(nil, nonce, fixedText, nil)
			for i := range dudect.Pool {
				keys[0][i], keys[1][i] = bytes.Clone(fixedKey), s.bytes(keySize)
				texts[0][i], texts[1][i] = bytes.Clone(fixedText), s.bytes(n)
				for class, at := range []int{n, n + tagSize - 1} {
					forged[class][i] = bytes.Clone(sealed)
					forged[class][i][at] ^= 1 << s.intN(8)
				}
			}
			text, record := make([]byte, n), make([]byte, n+tagSize)
			seal := func() { x.Seal(out, nonce, text, nil) }
			open := func() { _, _ = x.Open(out, nonce, record, nil) }
			dudect.Run(t,
				dudect.Trial{Name: "tags", Prepare: func(class, i int) { copy(record, forged[class][i]) }, Call: open},
				dudect.Trial{Name: "texts", Prepare: func(class, i int) { copy(text, texts[class][i]) }, Call: seal},
				dudect.Trial{Name: "keys", Prepare: func(class, i int) { copy(x.key[:], keys[class][i]) }, Call: seal},
			)
		})
	}
}
