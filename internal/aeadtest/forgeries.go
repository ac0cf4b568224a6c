package aeadtest

import (
	"bytes"
	"errors"
	"fmt"
)

// checkForgeries: every flipped bit of tag, nonce and additional data, and of
// the ciphertext all of a short one's and many of a long one's, is refused;
// nothing of the plaintext is left, and nothing else is touched.
func checkForgeries(s *subject) error {
	src := newSource(8)
	p, err := s.pair(src.bytes(s.suite.KeySize))
	if err != nil {
		return err
	}
	for _, n := range []int{0, 1, 16, 40, 64, 350, 1350, 5000} {
		nonce, ad := src.bytes(s.suite.NonceSize), src.bytes(21)
		plain := src.bytes(n)
		sealed := p.want.Seal(nil, nonce, plain, ad)
		try := func(what string, bit int, record, nonce, ad []byte) error {
			if err := p.refuses(record, nonce, ad); err != nil {
				return fmt.Errorf("%d bytes, bit %d of the %s flipped: %w", n, bit, what, err)
			}
			return nil
		}
		for bit := range 8 * tagSize {
			if err := try("tag", bit, flip(sealed, 8*n+bit), nonce, ad); err != nil {
				return err
			}
		}
		for bit := range 8 * len(nonce) {
			if err := try("nonce", bit, sealed, flip(nonce, bit), ad); err != nil {
				return err
			}
		}
		for bit := range 8 * len(ad) {
			if err := try("additional data", bit, sealed, nonce, flip(ad, bit)); err != nil {
				return err
			}
		}
		step := 1
		if n > 64 {
			step = 61
		}
		for bit := 0; bit < 8*n; bit += step {
			if err := try("ciphertext", bit, flip(sealed, bit), nonce, ad); err != nil {
				return err
			}
		}
		for cut := 1; cut <= min(n, 40); cut++ {
			if err := p.refuses(sealed[:len(sealed)-cut], nonce, ad); err != nil {
				return fmt.Errorf("%d bytes, %d cut off: %w", n, cut, err)
			}
		}
		for _, other := range [][]byte{nil, ad[:20], append(bytes.Clone(ad), 0)} {
			if err := p.refuses(sealed, nonce, other); err != nil {
				return fmt.Errorf("%d bytes, additional data of %d bytes instead of %d: %w", n, len(other), len(ad), err)
			}
		}
	}
	return nil
}

func flip(b []byte, bit int) []byte {
	b = bytes.Clone(b)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}

// refuses opens a forged record, disjoint and in place.
func (p pair) refuses(record, nonce, ad []byte) error {
	n := len(record) - tagSize
	const around = 64
	room := bytes.Repeat([]byte{canary}, around+n+around)
	before := bytes.Clone(record)
	out, err := p.got.Open(room[:around], nonce, record, ad)
	if err == nil || out != nil {
		return fmt.Errorf("its Open = %d bytes, %v, want nil and an error", len(out), err)
	}
	if !bytes.Equal(record, before) {
		return errors.New("its Open changed the record")
	}
	if err := cleared(room[around:around+n], bytes.Repeat([]byte{canary}, n)); err != nil {
		return err
	}
	if !bytes.Equal(room[:around], room[around+n:]) || bytes.Count(room[:around], []byte{canary}) != around {
		return errors.New("its Open wrote outside its output")
	}
	copy(room, record)
	room = room[:len(record):len(record)]
	if out, err := p.got.Open(room[:0], nonce, room, ad); err == nil || out != nil {
		return fmt.Errorf("its Open in place = %d bytes, %v, want nil and an error", len(out), err)
	}
	if err := cleared(room[:n], before[:n]); err != nil {
		return fmt.Errorf("in place: %w", err)
	}
	if !bytes.Equal(room[n:], before[n:]) {
		return errors.New("its Open in place changed the tag")
	}
	return nil
}

// cleared refuses an output that is neither all zeros nor as it was.
func cleared(out, before []byte) error {
	if !bytes.Equal(out, make([]byte, len(out))) && !bytes.Equal(out, before) {
		return errors.New("a failed Open left something behind")
	}
	return nil
}
