package aeadtest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/headrace-go/headrace/internal/fused"
)

// checkBatches: four records in one call are what four calls make, or are
// refused, and then nothing has happened. Which of them is forged is told, and
// those before it are opened.
func checkBatches(s *subject) error {
	src := newSource(13)
	p, err := s.pair(src.bytes(s.suite.KeySize))
	if err != nil {
		return err
	}
	batcher, ok := p.got.(fused.Batcher)
	if !ok {
		return nil // it has no such method, which is well
	}
	var rooms [4]*room
	for i := range rooms {
		rooms[i] = newRoom(fused.Most + tagSize)
	}
	refused, all := 0, 0
	for n := 0; n <= fused.Most+1; n += s.stride {
		for place := range 4 {
			b := p.batch(src, n, place)
			for _, inPlace := range []bool{false, true} {
				for _, opens := range []bool{false, true} {
					did, err := b.run(rooms, batcher, opens, inPlace, src)
					if err != nil {
						return fmt.Errorf("four records of %d bytes, opened %v, in place %v: %w", b.lengths(), opens, inPlace, err)
					}
					if slices.Min(b.lengths()) > 0 && slices.Max(b.lengths()) <= fused.Most {
						all++
						if !did {
							refused++
						}
					}
				}
			}
		}
	}
	if batcher.Fours() && refused > all/2 || !batcher.Fours() && refused < all {
		return fmt.Errorf("its Fours = %v, and %d of %d batches of short records are refused", batcher.Fours(), refused, all)
	}
	if err := p.forgedBatches(batcher, src); err != nil {
		return err
	}
	return batchOverlap(batcher)
}

// A fourfold is four records.
type fourfold struct {
	nonces        [4 * fused.NonceSize]byte
	plain, sealed [4][]byte
}

func (p pair) batch(src source, n, place int) *fourfold {
	b := new(fourfold)
	_, _ = src.Read(b.nonces[:])
	for i := range 4 {
		size := 1 + src.below(fused.Most)
		if i == place {
			size = n
		}
		b.plain[i] = src.bytes(size)
		b.sealed[i] = p.want.Seal(nil, b.nonces[fused.NonceSize*i:][:fused.NonceSize], b.plain[i], nil)
	}
	return b
}

func (b *fourfold) lengths() []int {
	return []int{len(b.plain[0]), len(b.plain[1]), len(b.plain[2]), len(b.plain[3])}
}

// run seals or opens four records, all at alignments of their own.
func (b *fourfold) run(rooms [4]*room, batcher fused.Batcher, opens, inPlace bool, src source) (did bool, err error) {
	from, want := b.plain, b.sealed
	if opens {
		from, want = want, from
	}
	var in, out, before [4][]byte
	var aligns [4]int
	for i := range 4 {
		aligns[i] = src.below(64)
		slot := rooms[i].slot(aligns[i], max(len(from[i]), len(want[i])))
		if inPlace {
			copy(slot, from[i])
			in[i], out[i] = slot[:len(from[i]):len(from[i])], slot[:len(want[i]):len(want[i])]
		} else {
			in[i], out[i] = bytes.Clone(from[i]), slot[:len(want[i]):len(want[i])]
		}
		before[i] = bytes.Clone(out[i])
	}
	if opens {
		var n int
		if n, did = batcher.OpenFour(out, in, b.nonces); did && n != 4 {
			return did, fmt.Errorf("%d of 4 opened", n)
		}
	} else {
		did = batcher.SealFour(out, in, b.nonces)
	}
	for i := range 4 {
		if !did {
			want[i] = before[i]
		}
		if !bytes.Equal(out[i], want[i]) {
			return did, fmt.Errorf("record %d is %x, want %x; done: %v", i, out[i], want[i], did)
		}
		if !inPlace && !bytes.Equal(in[i], from[i]) {
			return did, fmt.Errorf("the input of record %d changed", i)
		}
		if inPlace && opens && did && !bytes.Equal(in[i][len(want[i]):], from[i][len(want[i]):]) {
			return did, fmt.Errorf("the tag of record %d changed", i)
		}
		if err := rooms[i].restore(aligns[i], max(len(from[i]), len(want[i]))); err != nil {
			return did, err
		}
	}
	return did, nil
}

// forgedBatches flips every bit of each record's tag, and some of its text and
// nonce.
func (p pair) forgedBatches(batcher fused.Batcher, src source) error {
	b := p.batch(src, 1, 0)
	for place := range 4 {
		n := len(b.plain[place])
		bits := []int{0, 8*n - 1, src.below(8 * n)}
		for bit := range 8 * tagSize {
			bits = append(bits, 8*n+bit)
		}
		for bit := range 8 * fused.NonceSize {
			bits = append(bits, -1-bit)
		}
		for _, bit := range bits {
			records, nonces := b.sealed, b.nonces
			if bit < 0 {
				at := -1 - bit
				nonces[fused.NonceSize*place+at/8] ^= 1 << (at % 8)
			} else {
				records[place] = flip(records[place], bit)
			}
			var out [4][]byte
			for i := range 4 {
				out[i] = bytes.Repeat([]byte{canary}, len(b.plain[i]))
			}
			opened, did := batcher.OpenFour(out, records, nonces)
			if !did {
				continue
			}
			if opened != place {
				return fmt.Errorf("its OpenFour with bit %d of record %d flipped opens %d", bit, place, opened)
			}
			for i := range 4 {
				if i < place && !bytes.Equal(out[i], b.plain[i]) {
					return errors.New("its OpenFour does not open what precedes a forgery")
				}
				if i < place {
					continue
				}
				if err := cleared(out[i], bytes.Repeat([]byte{canary}, len(out[i]))); err != nil {
					return fmt.Errorf("record %d of four, %d forged: %w", i, place, err)
				}
			}
		}
	}
	return nil
}

// batchOverlap: inexact overlap of a text and its output is refused, in each
// place.
func batchOverlap(batcher fused.Batcher) error {
	if !batcher.Fours() {
		return nil
	}
	const n, apart = 100, 1024
	for place := range 4 {
		for d := -n - tagSize; d <= n; d++ {
			buf := make([]byte, 4*apart)
			var in, out [4][]byte
			for i := range 4 {
				in[i], out[i] = buf[apart*i+300:][:n], buf[apart*i+300:][:n+tagSize]
			}
			out[place] = buf[apart*place+300+d:][:n+tagSize]
			refused := d != 0 && d > -n-tagSize && d < n
			if got := panics(func() { batcher.SealFour(out, in, [4 * fused.NonceSize]byte{}) }); got != refused {
				return fmt.Errorf("its SealFour, output %d bytes from the text: panics %v, want %v", d, got, refused)
			}
		}
	}
	return nil
}

// guardFour: the second of four records tight against a page that must not be
// touched, out of place and in place.
func (p pair) guardFour(fences [5]fence, last bool, n int, src source) error {
	batcher, ok := p.got.(fused.Batcher)
	if !ok || n < 1 || n > fused.Most {
		return nil
	}
	b := p.batch(src, n, 1)
	for _, inPlace := range []bool{false, true} {
		var plain, sealed [4][]byte
		for i := range 4 {
			plain[i], sealed[i] = bytes.Clone(b.plain[i]), make([]byte, len(b.sealed[i]))
		}
		sealed[1] = fences[4].at(last, n+tagSize)
		plain[1] = fences[3].at(last, n)
		if inPlace {
			plain[1] = sealed[1][:n]
		}
		copy(plain[1], b.plain[1])
		if batcher.SealFour(sealed, plain, b.nonces) && !bytes.Equal(sealed[1], b.sealed[1]) {
			return errors.New("its SealFour is wrong")
		}
		copy(sealed[1], b.sealed[1])
		clear(sealed[0])
		if opened, did := batcher.OpenFour(plain, sealed, b.nonces); did && opened != 0 {
			return errors.New("its OpenFour does not see a forgery")
		}
		copy(sealed[0], b.sealed[0])
		copy(sealed[1], b.sealed[1])
		if _, did := batcher.OpenFour(plain, sealed, b.nonces); did && !bytes.Equal(plain[1], b.plain[1]) {
			return errors.New("its OpenFour is wrong")
		}
	}
	return nil
}
