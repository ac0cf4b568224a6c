package aeadtest_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"slices"
)

// gcmModel is GCM with nonces of 12 bytes.
func gcmModel(key []byte, fault string) *model {
	counterBlock := func(nonce []byte, n uint32) []byte {
		return binary.BigEndian.AppendUint32(slices.Clone(nonce), n)
	}
	var h [16]byte
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	block.Encrypt(h[:], h[:])
	powers := newPowers(h, fault)
	m := &model{
		nonceSize: 12,
		bits:      true,
		newHash:   func([]byte) hash { return &ghash{powers: powers, fault: fault} },
		newStream: func(nonce []byte) cipher.Stream {
			block, err := aes.NewCipher(key)
			if err != nil {
				panic(err)
			}
			first := uint32(2)
			if fault == "counter begins one late" {
				first++
			}
			if fault == "counter of one byte" {
				return &byteCounter{block: block, ctr: counterBlock(nonce, first)}
			}
			return cipher.NewCTR(block, counterBlock(nonce, first))
		},
	}
	m.mask = func(nonce []byte) (out [16]byte) {
		block.Encrypt(out[:], counterBlock(nonce, 1))
		return out
	}
	return m
}

// A byteCounter is CTR whose counter has no carry.
type byteCounter struct {
	block cipher.Block
	ctr   []byte
}

func (c *byteCounter) XORKeyStream(dst, src []byte) {
	var pad [16]byte
	for i := range src {
		if i%16 == 0 {
			c.block.Encrypt(pad[:], c.ctr)
			c.ctr[15]++
		}
		dst[i] = src[i] ^ pad[i%16]
	}
}

// element is one of GF(2^128): hi has the first 64 bits, most significant
// first, which are the coefficients of x^0 to x^63.
type element struct{ hi, lo uint64 }

// times returns a * x.
func (a element) times() element {
	carry := a.lo & 1
	a.lo = a.lo>>1 | a.hi<<63
	a.hi >>= 1
	a.hi ^= carry * (0xE1 << 56)
	return a
}

// A table has the multiples of one element by four bits, which tell the
// coefficients of x^0 to x^3 from the most significant bit on.
type table [16]element

func newTable(h element) (t table) {
	t[8] = h
	t[4] = t[8].times()
	t[2] = t[4].times()
	t[1] = t[2].times()
	for i := range t {
		for bit := 1; bit < 16; bit <<= 1 {
			if i&bit != 0 && i != bit {
				t[i].hi ^= t[bit].hi
				t[i].lo ^= t[bit].lo
			}
		}
	}
	return t
}

// folds are what four bits that leave at the end come back as.
var folds = func() (out [16]uint64) {
	for i := range out {
		e := element{lo: uint64(i)}
		for range 4 {
			e = e.times()
		}
		out[i] = e.hi
	}
	return out
}()

func (t *table) mul(a element, skip bool) element {
	var z element
	for half, word := range [2]uint64{a.lo, a.hi} {
		for i := range 16 {
			if half+i > 0 {
				out := z.lo & 15
				z.lo = z.lo>>4 | z.hi<<60
				z.hi >>= 4
				if !skip || half == 0 || i < 15 {
					z.hi ^= folds[out]
				}
			}
			e := t[word>>(4*i)&15]
			z.hi ^= e.hi
			z.lo ^= e.lo
		}
	}
	return z
}

const turn = 16 // blocks that are hashed together

type ghash struct {
	powers *[turn]table // of h^1 to h^turn
	acc    element
	fault  string
}

func newPowers(h [16]byte, fault string) *[turn]table {
	powers := new([turn]table)
	power := element{binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])}
	for i := range powers {
		powers[i] = newTable(power)
		power = powers[0].mul(power, false)
	}
	if fault == "wrong key power" {
		powers[10] = powers[9]
	}
	return powers
}

func (g *ghash) blocks(b []byte) {
	for len(b) > 0 {
		n := min(len(b)/16, turn)
		var sum element
		for i := range n {
			x := element{binary.BigEndian.Uint64(b[16*i:]), binary.BigEndian.Uint64(b[16*i+8:])}
			if i == 0 && !(g.fault == "accumulator lost after 8 turns" && len(b) == 16*turn*9) {
				x.hi ^= g.acc.hi
				x.lo ^= g.acc.lo
			}
			x = g.powers[n-1-i].mul(x, g.fault == "skipped reduction" && i == 3)
			sum.hi ^= x.hi
			sum.lo ^= x.lo
		}
		g.acc = sum
		b = b[16*n:]
	}
}

func (g *ghash) sum() (out [16]byte) {
	binary.BigEndian.PutUint64(out[:], g.acc.hi)
	binary.BigEndian.PutUint64(out[8:], g.acc.lo)
	return out
}
