package aeadtest

import (
	"bytes"
	"fmt"
)

// checkShape: sizes, refusals of keys, nonces and short records.
func checkShape(s *subject) error {
	src := newSource(1)
	for n := range 70 {
		a, err := s.newAEAD(src.bytes(n))
		switch {
		case n == s.suite.KeySize:
			if err != nil {
				return fmt.Errorf("its New refuses a key of %d bytes: %v", n, err)
			}
		case n == 16 || n == 24 || n == 32:
			// One package may well have two suites.
		case err == nil || a != nil:
			return fmt.Errorf("its New takes a key of %d bytes", n)
		}
	}
	p, err := s.pair(src.bytes(s.suite.KeySize))
	if err != nil {
		return err
	}
	if n := p.got.NonceSize(); n != s.suite.NonceSize {
		return fmt.Errorf("its NonceSize() = %d, want %d", n, s.suite.NonceSize)
	}
	if n := p.got.Overhead(); n != tagSize {
		return fmt.Errorf("its Overhead() = %d, want %d", n, tagSize)
	}
	for n := range 40 {
		nonce := src.bytes(n)
		if want := n != s.suite.NonceSize; panics(func() { p.got.Seal(nil, nonce, nil, nil) }) != want {
			return fmt.Errorf("its Seal with a nonce of %d bytes: panics %v, want %v", n, !want, want)
		}
		record := src.bytes(tagSize)
		if want := n != s.suite.NonceSize; panics(func() { _, _ = p.got.Open(nil, nonce, record, nil) }) != want {
			return fmt.Errorf("its Open with a nonce of %d bytes: panics %v, want %v", n, !want, want)
		}
	}
	nonce := src.bytes(s.suite.NonceSize)
	for n := range tagSize {
		if out, err := p.got.Open(nil, nonce, make([]byte, n), nil); err == nil || out != nil {
			return fmt.Errorf("its Open of %d bytes = %x, %v, want nil and an error", n, out, err)
		}
	}
	// Without capacity the output is a new array, and dst goes first.
	plain := src.bytes(100)
	prefix := src.bytes(33)
	dst := bytes.Clone(prefix)[:33:33]
	sealed := p.got.Seal(dst, nonce, plain, nil)
	if want := p.want.Seal(bytes.Clone(prefix), nonce, plain, nil); !bytes.Equal(sealed, want) {
		return fmt.Errorf("its Seal behind a full dst = %x, want %x", sealed, want)
	}
	opened, err := p.got.Open(dst, nonce, sealed[33:], nil)
	if want := append(bytes.Clone(prefix), plain...); err != nil || !bytes.Equal(opened, want) {
		return fmt.Errorf("its Open behind a full dst = %x, %v, want %x", opened, err, want)
	}
	// All of nothing.
	if got, want := p.got.Seal(nil, nonce, nil, nil), p.want.Seal(nil, nonce, nil, nil); !bytes.Equal(got, want) {
		return fmt.Errorf("its Seal of nothing = %x, want %x", got, want)
	}
	return nil
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}
