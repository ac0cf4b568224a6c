//go:build !purego

package aesgcm

import (
	"crypto/cipher"
	"crypto/fips140"

	"github.com/headrace-go/headrace/internal/cpufeat"
)

// What the kernels use, as the generator lists it (TestKernelsAskForWhatTheyUse).
const (
	needYMM = cpufeat.AES | cpufeat.PCLMULQDQ | cpufeat.BMI2 | cpufeat.AVX | cpufeat.AVX2 | cpufeat.VAES | cpufeat.VPCLMULQDQ
	needZMM = needYMM | cpufeat.AVX512
)

func backends() []Backend {
	return []Backend{
		{"zmm", unavailable(needZMM), func(key []byte) (cipher.AEAD, error) { return newAEAD(key, zmm128, zmm256) }},
		{"ymm", unavailable(needYMM), func(key []byte) (cipher.AEAD, error) { return newAEAD(key, ymm128, ymm256) }},
	}
}

func unavailable(needed cpufeat.Feature) string {
	if fips140.Enabled() {
		return "not the module of FIPS 140 mode"
	}
	return cpufeat.Missing(needed)
}

// newAEAD is newGCM without a typed nil.
func newAEAD(key []byte, k128, k256 kernel) (cipher.AEAD, error) {
	g, err := newGCM(key, k128, k256)
	if err != nil {
		return nil, err
	}
	return g, nil
}
