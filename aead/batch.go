package aead

import (
	"crypto/cipher"
	"slices"

	"github.com/headrace-go/headrace/internal/fused"
)

// A Record is one of a batch.
type Record struct {
	// Dst is what the output is appended to, and then the result. It may be
	// disjoint from In, or in place as Seal and Open have it.
	Dst []byte
	// In is the plaintext to seal, or the record to open.
	In []byte
	// AdditionalData is authenticated, and not part of the output.
	AdditionalData []byte
}

// SealBatch seals all of records, in their order, as Seal does one by one. If
// the nonces do not suffice for all, or the limits of the key, none is sealed:
// the error is then ErrNonceExhausted or ErrKeyLimit, and stays. Ownership and
// aliasing are those of Seal; records do not overlap each other. With enough
// capacity SealBatch allocates nothing but what the AEAD does (TestSealAllocs).
//
// Some AEADs seal four records side by side, if they are of 1 to 384 bytes and
// have no additional data, for less than one by one (BenchmarkBatch).
func (s *Sealer) SealBatch(records []Record) error {
	var total uint64
	for i := range records {
		total += uint64(len(records[i].In))
	}
	if err := s.nonces.reserve(uint64(len(records)), total); err != nil {
		return err
	}
	for len(records) > 0 {
		if s.fours != nil && short(records, 0) {
			s.sealFour((*[4]Record)(records))
			records = records[4:]
			continue
		}
		r := &records[0]
		r.Dst = s.seal(r.Dst, r.In, r.AdditionalData)
		records = records[1:]
	}
	return nil
}

// batcher returns a if it has four records in one call, or nil.
func batcher(a cipher.AEAD) fused.Batcher {
	if b, ok := a.(fused.Batcher); ok && b.Fours() {
		return b
	}
	return nil
}

// short reports whether the first four of records are such as a Batcher takes.
func short(records []Record, tag int) bool {
	if len(records) < 4 {
		return false
	}
	for i := range records[:4] {
		r := &records[i]
		if n := len(r.In) - tag; n < 1 || n > fused.Most || len(r.AdditionalData) > 0 {
			return false
		}
	}
	return true
}

// sealFour seals four short records, after reserve.
func (s *Sealer) sealFour(records *[4]Record) {
	var out, in [4][]byte
	for i := range records {
		r := &records[i]
		start := len(r.Dst)
		r.Dst = slices.Grow(r.Dst, len(r.In)+TagSize)[:start+len(r.In)+TagSize]
		out[i], in[i] = r.Dst[start:], r.In
	}
	nonces := s.nonces.four()
	if s.fours.SealFour(out, in, nonces) {
		return
	}
	for i := range out {
		s.aead.Seal(out[i][:0], s.nonces.again(&nonces, i), in[i], nil)
	}
}

// OpenBatch opens all of records, in their order, as Open does one by one, and
// stops at the first that fails. It returns how many it has opened. The error
// is that of Open, and stays. Ownership and aliasing are those of Open; records
// do not overlap each other. Of the records behind the one that fails, those
// to be opened in place may have been cleared. With enough capacity OpenBatch
// allocates nothing but what the AEAD does (TestOpenAllocs).
//
// Some AEADs open four records side by side, as they seal them.
func (o *Opener) OpenBatch(records []Record) (int, error) {
	for done := 0; done < len(records); {
		if next := records[done:]; o.fours != nil && o.err == nil && short(next, TagSize) {
			if n, did := o.openFour((*[4]Record)(next)); did {
				if done += n; n < 4 {
					return done, o.err
				}
				continue
			}
		}
		r := &records[done]
		plaintext, err := o.Open(r.Dst, r.In, r.AdditionalData)
		if err != nil {
			return done, err
		}
		r.Dst = plaintext
		done++
	}
	return len(records), nil
}

// openFour opens four short records, unless nonces or limits may not suffice.
// It returns how many were authentic.
func (o *Opener) openFour(records *[4]Record) (opened int, did bool) {
	var grown, out, in [4][]byte
	var total uint64
	for i := range records {
		r := &records[i]
		n := len(r.In) - TagSize
		total += uint64(n)
		grown[i] = slices.Grow(r.Dst, n)[:len(r.Dst)+n]
		in[i], out[i] = r.In, grown[i][len(r.Dst):]
	}
	if o.nonces.left < 4 || o.nonces.bytes < total {
		return 0, false
	}
	before := o.nonces.next
	opened, did = o.fours.OpenFour(out, in, o.nonces.four())
	if !did {
		o.nonces.next = before
		return 0, false
	}
	_ = o.nonces.reserve(4, total) // there are as many
	for i := range opened {
		records[i].Dst = grown[i]
	}
	if opened < 4 {
		o.err = ErrOpen
	}
	return opened, true
}
