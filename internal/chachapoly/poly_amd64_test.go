//go:build !purego

package chachapoly

import (
	"encoding/binary"
	"math/big"
	"testing"
	"unsafe"

	"github.com/headrace-go/headrace/internal/registers"
)

var prime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 130), big.NewInt(5))

// order is where each block of a group lies among the lanes.
var order = [8]int{0, 4, 1, 5, 2, 6, 3, 7}

func little(b []byte) *big.Int {
	v := new(big.Int)
	for i := len(b) - 1; i >= 0; i-- {
		v.Lsh(v, 8).Or(v, big.NewInt(int64(b[i])))
	}
	return v
}

// polyModel is what poly has to compute, by Horner's rule, one block after
// another. Lane i of the accumulator stands for the block that is 8-i before
// the first.
func polyModel(key, text []byte, total, aad int, state *[24]uint64) [tagSize]byte {
	r, s := little(key[:16]), little(key[16:32])
	acc := new(big.Int)
	step := func(block *big.Int) {
		acc.Mul(acc, r).Add(acc, block).Mod(acc, prime)
	}
	for block := range 8 {
		lane := 0
		for order[lane] != block {
			lane++
		}
		v := new(big.Int)
		for i, shift := range []uint{0, 44, 88} {
			limb := new(big.Int).SetUint64(state[8*i+lane])
			v.Add(v, limb.Lsh(limb, shift))
		}
		step(v)
	}
	for ; len(text) > 0; text = text[16:] {
		block := little(text[:16])
		step(block.SetBit(block, 128, 1))
	}
	var lengths [16]byte
	binary.LittleEndian.PutUint64(lengths[:], uint64(aad))
	binary.LittleEndian.PutUint64(lengths[8:], uint64(total))
	block := little(lengths[:])
	step(block.SetBit(block, 128, 1))
	acc.Mul(acc, r).Mod(acc, prime).Add(acc, s)
	var tag [tagSize]byte
	for i := range tag {
		tag[i] = byte(new(big.Int).Rsh(acc, uint(8*i)).Uint64())
	}
	return tag
}

// Accumulators, keys and texts at the edges of what they may be.
func TestPolyEdges(t *testing.T) {
	skipWithout(t)
	s := newSource(9)
	var clamp [16]byte
	binary.LittleEndian.PutUint64(clamp[:], 0x0ffffffc0fffffff)
	binary.LittleEndian.PutUint64(clamp[8:], 0x0ffffffc0ffffffc)

	fill := func(b []byte, kind int) {
		switch kind {
		case 0:
			clear(b)
		case 1:
			for i := range b {
				b[i] = 0xff
			}
		case 2: // 2^128-1-4: with the bit beyond it, near p
			for i := range b {
				b[i] = 0xff
			}
			for i := 0; i < len(b); i += 16 {
				b[i] = 0xfb
			}
		default:
			s.Read(b)
		}
	}
	limbs := func(kind int) *[24]uint64 {
		var a [24]uint64
		for i := range a {
			largest := uint64(limbBound[i/8])
			switch kind {
			case 0:
			case 1:
				a[i] = largest
			case 2: // p itself
				a[i] = []uint64{1<<44 - 5, 1<<44 - 1, 1<<42 - 1}[i/8]
			case 3: // p - 1
				a[i] = []uint64{1<<44 - 6, 1<<44 - 1, 1<<42 - 1}[i/8]
			case 4: // one lane
				if i%8 == 3 {
					a[i] = largest
				}
			default:
				a[i] = s.Uint64() % (largest + 1)
			}
		}
		return &a
	}
	for groups := range 20 {
		if groups%3 != 1 && raceEnabled {
			continue
		}
		for r := range 4 {
			for text := range 4 {
				for acc := range 6 {
					key := make([]byte, 32)
					fill(key, r)
					for i := range 16 {
						key[i] &= clamp[i]
					}
					if r == 2 {
						clear(key[:16])
						key[0] = 1
					}
					msg := make([]byte, 128*groups)
					fill(msg, text)
					state := limbs(acc)
					total, aad := s.intN(1<<31), s.intN(1<<20)
					want := polyModel(key, msg, total, aad, state)
					var tag [tagSize]byte
					a := call{src: unsafe.SliceData(msg), n: len(msg), key: &key[0], aadN: aad, total: total, tag: &tag[0], state: state}
					registers.FillZMM()
					poly((*byte)(unsafe.Pointer(&a)))
					if tag != want {
						t.Fatalf("%d groups, key %d, text %d, accumulator %d: tag %x, want %x", groups, r, text, acc, tag, want)
					}
				}
			}
		}
	}
}

// limbBound is how large limbs of an accumulator get: with it for a beginning,
// carry gives no more, and nothing overflows on the way.
var limbBound = [3]int64{1<<44 + 1<<19, 1<<44 + 1<<15, 1<<42 + 1<<15}

// powerBound is how large limbs of a power get. Those below r^10 are made of
// words of 64 bits, the last of which is at most 4; the others by multiply,
// which moves its carries as the vector code does, or by the vector code.
var powerBound = [3]int64{1<<44 + 1<<19, 1<<44 + 1<<15, 1<<42 + 1<<41}

// TestLimbBounds follows the largest values through the vector code.
func TestLimbBounds(t *testing.T) {
	b := func(v int64) *big.Int { return big.NewInt(v) }
	limit := func(name string, v *big.Int, bits uint) {
		if v.BitLen() > int(bits) {
			t.Errorf("%s can have %d bits, want at most %d", name, v.BitLen(), bits)
		}
	}
	// Multipliers: limbs of a power, and 20 times the upper two.
	var mult [5]*big.Int
	for i, v := range powerBound {
		mult[i] = b(v)
		if i > 0 {
			mult[2+i] = new(big.Int).Mul(b(v), b(20))
		}
	}
	for i, m := range mult {
		limit([]string{"r0", "r1", "r2", "20 r1", "20 r2"}[i], m, 52)
	}
	part := [3][3]int{{0, 1, 2}, {4, 0, 1}, {3, 4, 0}}
	// A step: the accumulator and at most eleven groups are multiplied, one is added. The
	// limbs of a group are less than those of the accumulator. At the end of a
	// record, two numbers are multiplied, and limbs of less than 2^44 added.
	var low, high [3]*big.Int
	mask52 := b(1<<52 - 1)
	for k := range 3 {
		low[k], high[k] = b(1<<44), b(0)
		for i := range 3 {
			product := new(big.Int).Mul(b(powerBound[i]), mult[part[i][k]])
			for range 12 {
				low[k].Add(low[k], mask52)
				high[k].Add(high[k], new(big.Int).Rsh(product, 52))
			}
		}
	}
	shl := func(v *big.Int, n uint) *big.Int { return new(big.Int).Lsh(v, n) }
	low[2].Add(low[2], shl(high[1], 8))
	low[0].Add(low[0], shl(high[2], 12))
	low[0].Add(low[0], shl(high[2], 10))
	low[1].Add(low[1], shl(high[0], 8))
	for k := range 3 {
		limit("a sum", low[k], 63)
	}
	shr := func(v *big.Int, n uint) *big.Int { return new(big.Int).Rsh(v, n) }
	c0, c1, c2 := shr(low[0], 44), shr(low[1], 44), shr(low[2], 42)
	got := [3]*big.Int{
		new(big.Int).Add(b(1<<44-1), new(big.Int).Mul(c2, b(5))),
		new(big.Int).Add(b(1<<44-1), c0),
		new(big.Int).Add(b(1<<42-1), c1),
	}
	// The product of two powers has three terms where a step has thirty-six.
	for i := range powerBound {
		if powerBound[i] < limbBound[i] {
			t.Errorf("limb %d of an accumulator may be more than of a power", i)
		}
	}
	for i, v := range got {
		if v.Cmp(b(limbBound[i])) > 0 {
			t.Errorf("limb %d gets up to %#x, want at most %#x", i, v, limbBound[i])
		}
	}
	// Eight lanes are added before limbs become words: what is shifted out of
	// a word is added to the next.
	for _, v := range got {
		limit("a sum of lanes", new(big.Int).Mul(v, b(8)), 49)
	}
}
