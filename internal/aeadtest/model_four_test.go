package aeadtest_test

import (
	"bytes"

	"github.com/headrace-go/headrace/internal/fused"
)

func (m chunkModel) Fours() bool { return true }

func (m chunkModel) SealFour(out, in [4][]byte, nonces [48]byte) bool {
	for i := range 4 {
		if n := len(in[i]); n < 1 || n > fused.Most {
			return false
		}
		if meets(out[i], in[i]) && &out[i][0] != &in[i][0] && !m.has("overlap of four not refused") {
			panic("model: overlap")
		}
	}
	for i := range 4 {
		nonce := nonces[12*i:][:12]
		if m.has("third nonce of four used twice") && i == 3 {
			nonce = nonces[24:36]
		}
		copy(out[i], m.Seal(nil, nonce, bytes.Clone(in[i]), nil))
	}
	if m.has("tags of four swapped") {
		a, b := out[0][len(out[0])-16:], out[1][len(out[1])-16:]
		var t [16]byte
		copy(t[:], a)
		copy(a, b)
		copy(b, t[:])
	}
	return true
}

func (m chunkModel) OpenFour(out, in [4][]byte, nonces [48]byte) (int, bool) {
	for i := range 4 {
		if n := len(in[i]) - 16; n < 1 || n > fused.Most {
			return 0, false
		}
		if m.has("refused when something is opened") && i == 3 && len(in[3]) > 200 {
			return 0, false
		}
		if m.has("refused when something is opened") {
			clear(out[i])
		}
	}
	opened := 4
	for i := range 4 {
		plain, err := m.Open(nil, nonces[12*i:][:12], in[i], nil)
		if m.has("last of four not compared") && i == 3 && err != nil {
			plain, err = make([]byte, len(out[i])), nil
			m.newStream(nonces[36:]).XORKeyStream(plain, in[i][:len(out[i])])
		}
		if err != nil {
			opened = min(opened, i)
		} else {
			copy(out[i], plain)
		}
	}
	for i := opened; i < 4; i++ {
		if !m.has("followers of a forgery left") {
			clear(out[i])
		}
	}
	return opened, true
}
