//go:build !purego

package chachapoly

import (
	"crypto/cipher"
	"crypto/fips140"

	"github.com/headrace-go/headrace/internal/cpufeat"
)

// needed is every extension of which the kernels use instructions, as the
// generator lists them (TestKernelsNeedWhatIsAskedFor).
const needed = cpufeat.BMI2 | cpufeat.AVX | cpufeat.AVX2 | cpufeat.AVX512 |
	cpufeat.AVX512IFMA | cpufeat.AVX512VBMI | cpufeat.AVX512VBMI2

func unavailable() string {
	if fips140.Enabled() {
		return "ChaCha20-Poly1305 is not approved in FIPS 140 mode"
	}
	return cpufeat.Missing(needed)
}

func backends() []Backend {
	return []Backend{{
		Name:        "zmm",
		Unavailable: unavailable(),
		New:         asAEAD(New),
	}}
}

func backendsX() []Backend {
	return []Backend{{
		Name:        "zmm",
		Unavailable: unavailable(),
		New:         asAEAD(NewX),
	}}
}

// asAEAD makes a constructor one of an interface, which is nil on an error.
func asAEAD[T cipher.AEAD](construct func([]byte) (T, error)) func([]byte) (cipher.AEAD, error) {
	return func(key []byte) (cipher.AEAD, error) {
		a, err := construct(key)
		if err != nil {
			return nil, err
		}
		return a, nil
	}
}
