package aeadtest

import (
	"crypto/aes"
	"encoding/binary"
	"math/big"
	"math/bits"
	"slices"
)

// This file is the suites once more, as their texts have them and in
// arithmetic on big integers: it shares nothing with what is judged but the
// AES block, and has no care for speed or secrecy.

// A slowSuite is a suite under one key and one nonce. GCM and
// ChaCha20-Poly1305 are alike: the tag is a polynomial in a secret point, with
// the additional data, the ciphertext and their lengths as coefficients, and
// a mask on it.
type slowSuite struct {
	field  field
	point  *big.Int
	stream func(n int) []byte // the first n bytes of key stream
	mask   func(acc *big.Int) []byte
	length func(ad, text int) []byte // the last coefficient
}

// A field is what the coefficients are taken from.
type field interface {
	add(a, b *big.Int) *big.Int
	neg(a *big.Int) *big.Int
	mul(a, b *big.Int) *big.Int
	inv(a *big.Int) *big.Int
	fromBlock(b []byte) *big.Int
	toBlock(a *big.Int) (b []byte, ok bool)
	edges() []*big.Int
}

// absorb is one step of the polynomial.
func (s slowSuite) absorb(acc *big.Int, block []byte) *big.Int {
	return s.field.mul(s.field.add(acc, s.field.fromBlock(block)), s.point)
}

// absorbAll pads b with zeros to whole blocks.
func (s slowSuite) absorbAll(acc *big.Int, b []byte) *big.Int {
	for len(b) > 0 {
		block := make([]byte, 16)
		b = b[copy(block, b):]
		acc = s.absorb(acc, block)
	}
	return acc
}

func (s slowSuite) tag(ad, sealed []byte) []byte {
	acc := s.absorbAll(new(big.Int), ad)
	acc = s.absorbAll(acc, sealed)
	return s.mask(s.absorb(acc, s.length(len(ad), len(sealed))))
}

// seal is the whole of sealing.
func (s slowSuite) seal(plain, ad []byte) []byte {
	out := xor(plain, s.stream(len(plain)))
	return append(out, s.tag(ad, out)...)
}

func xor(a, b []byte) []byte {
	out := make([]byte, len(a))
	for i := range a {
		out[i] = a[i] ^ b[i]
	}
	return out
}

// binaryField is GF(2^128) as GCM has it: the first bit of a block is the
// coefficient of x^0, and x^128 = x^7 + x^2 + x + 1.
type binaryField struct{}

var gcmPolynomial = new(big.Int).SetBit(big.NewInt(0x87), 128, 1)

func (binaryField) add(a, b *big.Int) *big.Int { return new(big.Int).Xor(a, b) }
func (binaryField) neg(a *big.Int) *big.Int    { return a }

func (binaryField) mul(a, b *big.Int) *big.Int {
	p := new(big.Int)
	for i := range b.BitLen() {
		if b.Bit(i) == 1 {
			p.Xor(p, new(big.Int).Lsh(a, uint(i)))
		}
	}
	for p.BitLen() > 128 {
		p.Xor(p, new(big.Int).Lsh(gcmPolynomial, uint(p.BitLen()-129)))
	}
	return p
}

// inv is a^(2^128 - 2).
func (f binaryField) inv(a *big.Int) *big.Int {
	p := big.NewInt(1)
	for range 127 {
		a = f.mul(a, a)
		p = f.mul(p, a)
	}
	return p
}

func (binaryField) fromBlock(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	for i := range b {
		b[i] = bits.Reverse8(b[i])
	}
	return new(big.Int).SetBytes(b)
}

func (binaryField) toBlock(a *big.Int) ([]byte, bool) {
	b := a.FillBytes(make([]byte, 16))
	slices.Reverse(b)
	for i := range b {
		b[i] = bits.Reverse8(b[i])
	}
	return b, true
}

func (binaryField) edges() []*big.Int {
	ones := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1))
	out := []*big.Int{new(big.Int), ones, big.NewInt(0x87), new(big.Int).Lsh(big.NewInt(0x87), 120)}
	for _, bit := range []int{0, 1, 62, 63, 64, 65, 120, 126, 127} {
		one := new(big.Int).SetBit(new(big.Int), bit, 1)
		out = append(out, one, new(big.Int).Xor(ones, one))
	}
	return out
}

// primeField is the integers modulo 2^130 - 5. A block has a 1 behind it.
type primeField struct{}

var (
	prime   = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 130), big.NewInt(5))
	two128  = new(big.Int).Lsh(big.NewInt(1), 128)
	modulus = func(a *big.Int) *big.Int { return a.Mod(a, prime) }
)

func (primeField) add(a, b *big.Int) *big.Int { return modulus(new(big.Int).Add(a, b)) }
func (primeField) neg(a *big.Int) *big.Int    { return modulus(new(big.Int).Neg(a)) }
func (primeField) mul(a, b *big.Int) *big.Int { return modulus(new(big.Int).Mul(a, b)) }
func (primeField) inv(a *big.Int) *big.Int    { return new(big.Int).ModInverse(a, prime) }

func (primeField) fromBlock(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	return new(big.Int).Add(new(big.Int).SetBytes(b), two128)
}

func (primeField) toBlock(a *big.Int) ([]byte, bool) {
	a = new(big.Int).Sub(a, two128)
	if a.Sign() < 0 || a.BitLen() > 128 {
		return nil, false
	}
	b := a.FillBytes(make([]byte, 16))
	slices.Reverse(b)
	return b, true
}

// edges: where a limb of 26, 44 or 52 bits is full, where the value wraps, and
// where a reduction may be one too few.
func (primeField) edges() []*big.Int {
	var out []*big.Int
	for i := range int64(8) {
		out = append(out, big.NewInt(i), new(big.Int).Sub(prime, big.NewInt(i+1)))
	}
	for _, bit := range []uint{26, 44, 52, 64, 78, 88, 104, 128, 129} {
		power := new(big.Int).Lsh(big.NewInt(1), bit)
		for d := int64(-6); d <= 6; d++ {
			out = append(out, new(big.Int).Add(power, big.NewInt(d)))
		}
	}
	return out
}

// slowGCM is SP 800-38D with nonces of 12 bytes.
func slowGCM(key, nonce []byte) slowSuite {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	encrypt := func(counter uint32) []byte {
		b := binary.BigEndian.AppendUint32(slices.Clone(nonce), counter)
		block.Encrypt(b, b)
		return b
	}
	h := make([]byte, 16)
	block.Encrypt(h, h)
	f := binaryField{}
	return slowSuite{
		field: f,
		point: f.fromBlock(h),
		stream: func(n int) []byte {
			var out []byte
			for i := uint32(2); len(out) < n; i++ {
				out = append(out, encrypt(i)...)
			}
			return out[:n]
		},
		mask: func(acc *big.Int) []byte {
			b, _ := f.toBlock(acc)
			return xor(b, encrypt(1))
		},
		length: func(ad, text int) []byte {
			b := binary.BigEndian.AppendUint64(nil, 8*uint64(ad))
			return binary.BigEndian.AppendUint64(b, 8*uint64(text))
		},
	}
}

// slowChaCha is RFC 8439.
func slowChaCha(key, nonce []byte) slowSuite {
	first := chachaBlock(key, 0, nonce, true)
	r := slices.Clone(first[:16])
	for i, m := range []byte{255, 255, 255, 15, 252, 255, 255, 15, 252, 255, 255, 15, 252, 255, 255, 15} {
		r[i] &= m
	}
	slices.Reverse(r)
	pad := slices.Clone(first[16:32])
	slices.Reverse(pad)
	return slowSuite{
		field: primeField{},
		point: new(big.Int).SetBytes(r),
		stream: func(n int) []byte {
			var out []byte
			for i := uint32(1); len(out) < n; i++ {
				out = append(out, chachaBlock(key, i, nonce, true)...)
			}
			return out[:n]
		},
		mask: func(acc *big.Int) []byte {
			sum := new(big.Int).Add(acc, new(big.Int).SetBytes(pad))
			b := sum.Mod(sum, two128).FillBytes(make([]byte, 16))
			slices.Reverse(b)
			return b
		},
		length: func(ad, text int) []byte {
			b := binary.LittleEndian.AppendUint64(nil, uint64(ad))
			return binary.LittleEndian.AppendUint64(b, uint64(text))
		},
	}
}

// slowXChaCha is draft-irtf-cfrg-xchacha-03.
func slowXChaCha(key, nonce []byte) slowSuite {
	out := chachaBlock(key, binary.LittleEndian.Uint32(nonce), nonce[4:16], false)
	subkey := slices.Concat(out[:16], out[48:])
	return slowChaCha(subkey, append(make([]byte, 4), nonce[16:]...))
}

// chachaBlock is the block function, or without the last addition what
// HChaCha20 is cut from.
func chachaBlock(key []byte, counter uint32, nonce []byte, add bool) []byte {
	var in [16]uint32
	copy(in[:], []uint32{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574})
	for i := range 8 {
		in[4+i] = binary.LittleEndian.Uint32(key[4*i:])
	}
	in[12] = counter
	for i := range 3 {
		in[13+i] = binary.LittleEndian.Uint32(nonce[4*i:])
	}
	x := in
	quarter := func(a, b, c, d int) {
		x[a] += x[b]
		x[d] = bits.RotateLeft32(x[d]^x[a], 16)
		x[c] += x[d]
		x[b] = bits.RotateLeft32(x[b]^x[c], 12)
		x[a] += x[b]
		x[d] = bits.RotateLeft32(x[d]^x[a], 8)
		x[c] += x[d]
		x[b] = bits.RotateLeft32(x[b]^x[c], 7)
	}
	for range 10 {
		for i := range 4 {
			quarter(i, 4+i, 8+i, 12+i)
		}
		for i := range 4 {
			quarter(i, 4+(i+1)%4, 8+(i+2)%4, 12+(i+3)%4)
		}
	}
	var out []byte
	for i := range x {
		if add {
			x[i] += in[i]
		}
		out = binary.LittleEndian.AppendUint32(out, x[i])
	}
	return out
}
