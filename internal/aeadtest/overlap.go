package aeadtest

import (
	"bytes"
	"fmt"
)

// checkOverlap: output exactly on the input and clear of it works, any other
// overlap is refused, and so is one with the additional data.
func checkOverlap(s *subject) error {
	src := newSource(9)
	p, err := s.pair(src.bytes(s.suite.KeySize))
	if err != nil {
		return err
	}
	nonce := src.bytes(s.suite.NonceSize)
	const center = 700
	for _, n := range []int{1, 15, 16, 100, 333} {
		plain := src.bytes(n)
		sealed := p.want.Seal(nil, nonce, plain, nil)
		buf := make([]byte, 3*center)
		for d := -n - 40; d <= n+40; d++ {
			// Seal: n bytes at center+d to n + tagSize at center.
			in := buf[center+d : center+d+n]
			copy(in, plain)
			refused := d != 0 && d < n+tagSize && d > -n
			var out []byte
			if got := panics(func() { out = p.got.Seal(buf[center:center], nonce, in, nil) }); got != refused {
				return fmt.Errorf("its Seal of %d bytes at distance %d: panics %v, want %v", n, d, got, refused)
			}
			if !refused && !bytes.Equal(out, sealed) {
				return fmt.Errorf("its Seal of %d bytes at distance %d is wrong", n, d)
			}
			// Open: n + tagSize bytes at center+d to n at center.
			in = buf[center+d : center+d+n+tagSize]
			copy(in, sealed)
			refused = d != 0 && d < n && d > -n
			if !refused && d != 0 && d < n && d > -n-tagSize {
				continue // the output is on the tag alone: both are right
			}
			var opened []byte
			if got := panics(func() { opened, err = p.got.Open(buf[center:center], nonce, in, nil) }); got != refused {
				return fmt.Errorf("its Open of %d bytes at distance %d: panics %v, want %v", n, d, got, refused)
			}
			if !refused && (err != nil || !bytes.Equal(opened, plain)) {
				return fmt.Errorf("its Open of %d bytes at distance %d is wrong: %v", n, d, err)
			}
		}
		// Additional data in front of, on, and behind what is written.
		for d := -60; d <= n+60; d++ {
			const adLen = 13
			ad := buf[center+d : center+d+adLen]
			refused := d < n+tagSize && d > -adLen
			if got := panics(func() { p.got.Seal(buf[center:center], nonce, plain, ad) }); got != refused {
				return fmt.Errorf("its Seal of %d bytes, additional data at distance %d: panics %v, want %v", n, d, got, refused)
			}
			record := p.want.Seal(nil, nonce, plain, ad)
			refused = d < n && d > -adLen
			if got := panics(func() { _, _ = p.got.Open(buf[center:center], nonce, record, ad) }); got != refused {
				return fmt.Errorf("its Open of %d bytes, additional data at distance %d: panics %v, want %v", n, d, got, refused)
			}
		}
	}
	return nil
}
