package connpool

import (
	"crypto/aes"
	"crypto/cipher"
)

// xaes is XAES-256-GCM (C2SP, xaes-256-gcm): AES-256-GCM with a key of its own
// for each message, so that random nonces do not collide however many tickets a
// fleet makes; with AES-GCM alone 2^32 of one key are the limit.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte
}

const xaesNonce = 24

func newXAES(key []byte) (*xaes, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	x := &xaes{block: block}
	// K1 is the subkey of CMAC: the encryption of zero, doubled in GF(2^128).
	block.Encrypt(x.k1[:], x.k1[:])
	msb := x.k1[0] >> 7
	for i := range x.k1[:15] {
		x.k1[i] = x.k1[i]<<1 | x.k1[i+1]>>7
	}
	x.k1[15] = x.k1[15]<<1 ^ msb*0x87
	return x, nil
}

func (x *xaes) seal(dst, nonce, plain, additional []byte) ([]byte, error) {
	c, err := x.derive(nonce)
	if err != nil {
		return nil, err
	}
	return c.Seal(dst, nonce[12:], plain, additional), nil
}

func (x *xaes) open(nonce, sealed, additional []byte) ([]byte, error) {
	c, err := x.derive(nonce)
	if err != nil {
		return nil, err
	}
	return c.Open(nil, nonce[12:], sealed, additional)
}

// derive returns the cipher of one message: the first half of the nonce makes
// the key, by CMAC in counter mode; the second is what is left for GCM.
func (x *xaes) derive(nonce []byte) (cipher.AEAD, error) {
	var key [32]byte
	for i := range 2 {
		half := key[16*i : 16*i+16]
		copy(half, []byte{0, byte(i + 1), 'X', 0})
		copy(half[4:], nonce[:12])
		for j := range half {
			half[j] ^= x.k1[j]
		}
		x.block.Encrypt(half, half)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
