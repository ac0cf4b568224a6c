//go:build !purego

package aesgcm_test

import (
	"bytes"
	"crypto/cipher"
	"os"
	"testing"

	"github.com/headrace-go/headrace/internal/aesgcm"
	"github.com/headrace-go/headrace/internal/dudect"
)

// TestTimingIsIndependentOfSecrets looks for a difference between the times of
// calls with fixed and random keys, fixed and random text, and forged tags that
// are wrong at the first and at the last byte.
func TestTimingIsIndependentOfSecrets(t *testing.T) {
	if os.Getenv("HEADRACE_SOAK") == "" {
		t.Skip("statistics on times: make soak")
	}
	const n = 1350
	eachKernel(t, func(t *testing.T, c *candidate) {
		var keys [2][dudect.Pool]cipher.AEAD
		var texts, forged [2][dudect.Pool][]byte
		fixedKey, fixedText := c.bytes(len(c.key)), c.bytes(n)
		nonce, out := c.bytes(12), make([]byte, 0, n+16)
		sealed := c.std.Seal(nil, nonce, fixedText, nil)
		for i := range dudect.Pool {
			keys[0][i], keys[1][i] = c.again(t, bytes.Clone(fixedKey)), c.again(t, c.bytes(len(c.key)))
			texts[0][i], texts[1][i] = bytes.Clone(fixedText), c.bytes(n)
			for class, at := range []int{n, n + 15} {
				keys[class][i].Seal(out, nonce, nil, nil)
				forged[class][i] = bytes.Clone(sealed)
				forged[class][i][at] ^= 1 << c.IntN(8)
			}
		}
		text, record := make([]byte, n), make([]byte, n+16)
		a := c.again(t, fixedKey)
		a.Seal(out, nonce, nil, nil)
		seal := func() { a.Seal(out, nonce, text, nil) }
		open := func() { _, _ = c.aead.Open(out, nonce, record, nil) }
		dudect.Run(t,
			dudect.Trial{Name: "keys", Prepare: func(class, i int) { aesgcm.Rekey(a, keys[class][i]) }, Call: seal},
			dudect.Trial{Name: "texts", Prepare: func(class, i int) { copy(text, texts[class][i]) }, Call: seal},
			dudect.Trial{Name: "tags", Prepare: func(class, i int) { copy(record, forged[class][i]) }, Call: open},
		)
	})
}
