package aead

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
func (s *Sealer) SealBatch(records []Record) error {
	var total uint64
	for i := range records {
		total += uint64(len(records[i].In))
	}
	if err := s.nonces.reserve(uint64(len(records)), total); err != nil {
		return err
	}
	for i := range records {
		r := &records[i]
		r.Dst = s.seal(r.Dst, r.In, r.AdditionalData)
	}
	return nil
}

// OpenBatch opens all of records, in their order, as Open does one by one, and
// stops at the first that fails. It returns how many it has opened. The error
// is that of Open, and stays. Ownership and aliasing are those of Open; records
// do not overlap each other. With enough capacity OpenBatch allocates nothing
// but what the AEAD does (TestOpenAllocs).
func (o *Opener) OpenBatch(records []Record) (int, error) {
	for i := range records {
		r := &records[i]
		plaintext, err := o.Open(r.Dst, r.In, r.AdditionalData)
		if err != nil {
			return i, err
		}
		r.Dst = plaintext
	}
	return len(records), nil
}
