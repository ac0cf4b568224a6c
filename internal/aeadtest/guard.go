package aeadtest

import (
	"bytes"
	"fmt"
	"runtime/debug"
)

// A fence is memory between two pages that cannot be read or written: an
// access that is one byte off is a fault.
type fence struct{ mem []byte }

// first returns n bytes directly behind the first guard page.
func (f fence) first(n int) []byte { return f.mem[:n:n] }

// last returns n bytes directly in front of the second guard page.
func (f fence) last(n int) []byte {
	b := f.mem[len(f.mem)-n:]
	return b[:n:n]
}

func (f fence) at(last bool, n int) []byte {
	if last {
		return f.last(n)
	}
	return f.first(n)
}

// checkGuardPages: input, output, additional data, nonce and key, each tight
// against a page that must not be touched, on either side.
func checkGuardPages(s *subject) (err error) {
	const size = 72 << 10
	var fences [5]fence
	for i := range fences {
		f, free, err := newFence(size)
		if err != nil {
			return fmt.Errorf("%w: %v", errCannot, err)
		}
		defer free()
		fences[i] = f
	}
	src := newSource(10)
	var lengths []int
	for n := 0; n < 1100; n += s.stride {
		lengths = append(lengths, n)
	}
	for _, n := range []int{2048, 4096, 8192, 16384, 65536} {
		lengths = append(lengths, n-17, n-1, n, n+1, n+17)
	}
	lengths = append(lengths, 1350, 1472, 1473, 1792, 1800, 1984, 16383)
	var p pair
	n := 0
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%d bytes at a page's edge: %v", n, fault)
		}
	}()
	for i, length := range lengths {
		n = length
		for _, last := range []bool{true, false} {
			if i%16 == 0 {
				key := fences[0].at(last, s.suite.KeySize)
				_, _ = src.Read(key)
				want, err := s.suite.Reference(key)
				if err != nil {
					return fmt.Errorf("%w: the reference says: %v", errCannot, err)
				}
				got, err := s.newAEAD(key)
				if err != nil {
					return err
				}
				p = pair{got: got, want: want, key: key}
			}
			nonce := fences[1].at(last, s.suite.NonceSize)
			ad := fences[2].at(last, i%35)
			_, _ = src.Read(nonce)
			_, _ = src.Read(ad)
			plain := src.bytes(n)
			sealed := p.want.Seal(nil, nonce, plain, ad)

			in, out := fences[3].at(last, n), fences[4].at(last, len(sealed))
			copy(in, plain)
			if got := p.got.Seal(out[:0], nonce, in, ad); !bytes.Equal(got, sealed) {
				return fmt.Errorf("its Seal of %d bytes at a page's edge is wrong", n)
			}
			in = fences[3].at(last, len(sealed))
			copy(in, plain)
			if got := p.got.Seal(in[:0], nonce, in[:n], ad); !bytes.Equal(got, sealed) {
				return fmt.Errorf("its Seal in place of %d bytes at a page's edge is wrong", n)
			}
			out = fences[4].at(last, n)
			if got, err := p.got.Open(out[:0], nonce, in, ad); err != nil || !bytes.Equal(got, plain) {
				return fmt.Errorf("its Open of %d bytes at a page's edge is wrong: %v", n, err)
			}
			if got, err := p.got.Open(in[:0], nonce, in, ad); err != nil || !bytes.Equal(got, plain) {
				return fmt.Errorf("its Open in place of %d bytes at a page's edge is wrong: %v", n, err)
			}
			copy(in, sealed)
			in[len(in)-1] ^= 1
			if got, err := p.got.Open(out[:0], nonce, in, ad); err == nil {
				return fmt.Errorf("its Open of %d forged bytes at a page's edge = %x", n, got)
			}
			if err := s.guardChunk(p, fences, last, n, src); err != nil {
				return err
			}
		}
	}
	return nil
}
