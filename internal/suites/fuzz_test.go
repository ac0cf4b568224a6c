package suites_test

import (
	"crypto/cipher"
	"testing"

	"github.com/headrace-go/headrace/internal/aeadtest"
	"github.com/headrace-go/headrace/internal/suites"
)

// What New chooses, by the length of each record.

func FuzzAES128GCM(f *testing.F)        { fuzz(f, suites.AES128GCM, aeadtest.AES128GCM) }
func FuzzAES256GCM(f *testing.F)        { fuzz(f, suites.AES256GCM, aeadtest.AES256GCM) }
func FuzzChaCha20Poly1305(f *testing.F) { fuzz(f, suites.ChaCha20Poly1305, aeadtest.ChaCha20Poly1305) }
func FuzzXChaCha20Poly1305(f *testing.F) {
	fuzz(f, suites.XChaCha20Poly1305, aeadtest.XChaCha20Poly1305)
}

func fuzz(f *testing.F, id suites.ID, s aeadtest.Suite) {
	aeadtest.Fuzz(f, s, func(key []byte) (cipher.AEAD, error) { return suites.Default().New(id, key) })
}
