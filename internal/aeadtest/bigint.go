package aeadtest

import (
	"bytes"
	"fmt"
	"math/big"
)

// compare seals plain, which slow has sealed, and opens it.
func (p pair) compare(nonce, plain, ad, sealed []byte) error {
	if got := p.got.Seal(nil, nonce, plain, ad); !bytes.Equal(got, sealed) {
		return fmt.Errorf("key %x, nonce %x: Seal(%x, %x) = %x, want %x", p.key, nonce, plain, ad, got, sealed)
	}
	got, err := p.got.Open(nil, nonce, sealed, ad)
	if err != nil || !bytes.Equal(got, plain) {
		return fmt.Errorf("key %x, nonce %x: Open(%x, %x) = %x, %v, want %x", p.key, nonce, sealed, ad, got, err, plain)
	}
	return nil
}

// checkBigIntegers: random records against the arithmetic of slow.go.
func checkBigIntegers(s *subject) error {
	src := newSource(6)
	for _, n := range []int{0, 1, 15, 16, 17, 64, 100, 255, 256, 512, 1024, 1350, 2049} {
		p, err := s.pair(src.bytes(s.suite.KeySize))
		if err != nil {
			return err
		}
		nonce, plain, ad := src.bytes(s.suite.NonceSize), src.bytes(n), src.bytes(n%37)
		sealed := s.suite.slow(p.key, nonce).seal(plain, ad)
		if err := p.compare(nonce, plain, ad, sealed); err != nil {
			return err
		}
	}
	return nil
}

// checkEdges: records whose ciphertext is chosen so that the accumulator of
// the tag comes to values where carries and reductions are at stake: at a
// block in the middle, at the last one, and at the end.
func checkEdges(s *subject) error {
	src := newSource(7)
	p, err := s.pair(src.bytes(s.suite.KeySize))
	if err != nil {
		return err
	}
	nonce := src.bytes(s.suite.NonceSize)
	slow := s.suite.slow(p.key, nonce)
	f := slow.field
	back := f.inv(slow.point)
	const most = 36
	stream := slow.stream(16 * most)
	// Wide implementations go over to other code at powers of two, and hash
	// some blocks after the last whole turn.
	counts := []int{1, 2, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, most}
	for i, edge := range f.edges() {
		blocks := counts[i%len(counts)]
		for where, goal := range []*big.Int{
			edge,                    // after a multiplication
			f.mul(edge, slow.point), // before it
			// At the end of all, behind the lengths.
			f.add(f.mul(edge, back), f.neg(f.fromBlock(slow.length(0, 16*blocks)))),
		} {
			at := blocks - 1
			if where < 2 {
				at = src.below(blocks)
			}
			text := slow.steer(src, at, goal, back)
			text = append(text, src.bytes(16*(blocks-1-at))...)
			plain := xor(text, stream)
			if err := p.compare(nonce, plain, nil, append(text, slow.tag(nil, text)...)); err != nil {
				return fmt.Errorf("accumulator %#x at block %d of %d: %w", goal, at, blocks, err)
			}
		}
	}
	return nil
}

// steer returns at+1 blocks of ciphertext that bring the accumulator to goal,
// or as near as blocks can.
func (s slowSuite) steer(src source, at int, goal, back *big.Int) []byte {
	var text []byte
	for range 100 {
		text = src.bytes(16 * at)
		acc := s.absorbAll(new(big.Int), text)
		coefficient := s.field.add(s.field.mul(goal, back), s.field.neg(acc))
		if block, ok := s.field.toBlock(coefficient); ok {
			return append(text, block...)
		}
		if at == 0 {
			break // there is no other choice of what comes before
		}
	}
	return append(text, src.bytes(16)...)
}
