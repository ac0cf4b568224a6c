package aeadtest_test

import (
	"crypto/cipher"
	"encoding/binary"
	"math/bits"

	"golang.org/x/crypto/chacha20"
)

// chachaModel is RFC 8439.
func chachaModel(key []byte, fault string) *model {
	start := func(nonce []byte) (c *chacha20.Cipher, first [64]byte) {
		c, err := chacha20.NewUnauthenticatedCipher(key, nonce)
		if err != nil {
			panic(err)
		}
		c.XORKeyStream(first[:], first[:])
		return c, first
	}
	return &model{
		nonceSize: 12,
		newHash: func(nonce []byte) hash {
			_, first := start(nonce)
			return newPoly(first[:16], fault)
		},
		newStream: func(nonce []byte) cipher.Stream {
			c, _ := start(nonce)
			if fault == "counter begins one late" {
				c.SetCounter(2)
			}
			return c
		},
		mask: func(nonce []byte) (out [16]byte) {
			_, first := start(nonce)
			copy(out[:], first[16:32])
			return out
		},
	}
}

// A number is one of 130 bits, and a little more between two steps.
type number [3]uint64

func (a number) plus(b number) number {
	var carry uint64
	a[0], carry = bits.Add64(a[0], b[0], 0)
	a[1], carry = bits.Add64(a[1], b[1], carry)
	a[2] += b[2] + carry
	return a
}

// A poly is Poly1305 of eight blocks a turn.
type poly struct {
	powers [8]number // of r^1 to r^8
	acc    number
	fault  string
}

func newPoly(r []byte, fault string) *poly {
	p := &poly{fault: fault}
	lo, hi := binary.LittleEndian.Uint64(r), binary.LittleEndian.Uint64(r[8:])
	lo &= 0x0FFFFFFC0FFFFFFF
	if fault != "key not clamped" {
		hi &= 0x0FFFFFFC0FFFFFFC
	} else {
		hi &= 0x0FFFFFFC0FFFFFFD
	}
	p.powers[0] = number{lo, hi}
	for i := 1; i < len(p.powers); i++ {
		p.powers[i] = p.mul(p.powers[i-1], p.powers[0])
	}
	if fault == "wrong key power" {
		p.powers[6] = p.powers[5]
	}
	return p
}

// mul returns a product below 2^130 + 2^6 or so. The third words are small.
func (p *poly) mul(a, b number) number {
	h0, t0 := bits.Mul64(a[0], b[0])
	h1, l1 := bits.Mul64(a[0], b[1])
	h2, l2 := bits.Mul64(a[1], b[0])
	h3, l3 := bits.Mul64(a[1], b[1])
	h4, l4 := bits.Mul64(a[0], b[2])
	h5, l5 := bits.Mul64(a[2], b[0])
	h6, l6 := bits.Mul64(a[1], b[2])
	h7, l7 := bits.Mul64(a[2], b[1])
	t1, c1 := total(h0, l1, l2)
	t2, c2 := total(h1, h2, l3, l4, l5, c1)
	t3, c3 := total(h3, h4, h5, l6, l7, c2)
	t4 := h6 + h7 + a[2]*b[2] + c3
	// What is beyond 130 bits, five times.
	high := number{t2>>2 | t3<<62, t3>>2 | t4<<62, t4 >> 2}
	twice := high.plus(high)
	return p.fold(number{t0, t1, t2 & 3}.plus(twice).plus(twice).plus(high))
}

func total(words ...uint64) (out, carries uint64) {
	for _, w := range words {
		var c uint64
		out, c = bits.Add64(out, w, 0)
		carries += c
	}
	return out, carries
}

// fold takes what is beyond 130 bits to the low end, five times.
func (p *poly) fold(a number) number {
	over := 5 * (a[2] >> 2)
	a[2] &= 3
	var carry uint64
	a[0], carry = bits.Add64(a[0], over, 0)
	if p.fault == "carry of a fold dropped" {
		carry = 0
	}
	a[1], carry = bits.Add64(a[1], 0, carry)
	a[2] += carry
	return a
}

func (p *poly) blocks(b []byte) {
	for len(b) > 0 {
		n := min(len(b)/16, len(p.powers))
		var sum number
		for i := range n {
			x := number{binary.LittleEndian.Uint64(b[16*i:]), binary.LittleEndian.Uint64(b[16*i+8:]), 1}
			if i == 0 {
				x = x.plus(p.acc)
			}
			x = p.mul(x, p.powers[n-1-i])
			sum = sum.plus(x)
		}
		if p.fault == "skipped reduction" {
			sum[2] &= 3
		}
		p.acc = p.fold(sum)
		b = b[16*n:]
	}
}

func (p *poly) sum() (out [16]byte) {
	a := p.fold(p.acc)
	// a or a - p, which is a + 5 without bit 130.
	less := a.plus(number{5})
	if less[2]>>2 > 0 && p.fault != "not reduced at the end" {
		a = less
	}
	binary.LittleEndian.PutUint64(out[:], a[0])
	binary.LittleEndian.PutUint64(out[8:], a[1])
	return out
}
