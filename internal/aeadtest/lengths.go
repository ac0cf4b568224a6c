package aeadtest

import "fmt"

// shortest lengths are all tried; longer ones where an implementation may
// change its way.
const allUpTo = 4160

// checkLengths: every length up to 4160, all four ways, alignments and
// additional data as they come.
func checkLengths(s *subject) error {
	src := newSource(2)
	p, err := s.pair(src.bytes(s.suite.KeySize))
	if err != nil {
		return err
	}
	j := newJob(p, allUpTo)
	for n := 0; n <= allUpTo; n += s.stride {
		j.n = n
		j.vary(src)
		if err := j.run(src); err != nil {
			return err
		}
		if n%64 == 63 { // and a few keys
			if j.pair, err = s.pair(src.bytes(s.suite.KeySize)); err != nil {
				return err
			}
		}
	}
	return nil
}

// vary draws alignments, and a length of additional data that is mostly short.
func (j *job) vary(src source) {
	j.srcAlign, j.dstAlign = src.below(64), src.below(64)
	j.adAlign, j.nonAl = src.below(64), src.below(64)
	switch src.below(4) {
	case 0:
		j.ad = 0
	case 1:
		j.ad = src.below(273)
	default:
		j.ad = src.below(33)
	}
}

// checkLongLengths: lengths within 1 of multiples of 64, 256 and 512 up to
// 64 KiB, and a few beyond.
func checkLongLengths(s *subject) error {
	src := newSource(3)
	p, err := s.pair(src.bytes(s.suite.KeySize))
	if err != nil {
		return err
	}
	j := newJob(p, longest)
	for at := 64; at <= 64<<10; at += 64 * s.stride {
		for n := at - 1; n <= at+1; n++ {
			if n <= allUpTo {
				continue
			}
			// Twice at least around the multiples of 512, where wide loops end.
			for range 1 + boolInt(at%512 == 0) {
				j.n = n
				j.vary(src)
				if err := j.run(src); err != nil {
					return err
				}
			}
		}
	}
	for _, n := range []int{64<<10 + 511, 128<<10 + 17, 256<<10 - 1, 1<<20 + 1000} {
		j := newJob(p, n)
		j.n = n
		j.vary(src)
		if err := j.run(src); err != nil {
			return err
		}
	}
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// checkAdditionalData: every length up to 272 and some up to 4 KiB, with
// records of every kind.
func checkAdditionalData(s *subject) error {
	src := newSource(4)
	p, err := s.pair(src.bytes(s.suite.KeySize))
	if err != nil {
		return err
	}
	j := newJob(p, allUpTo)
	var lengths []int
	for n := 0; n < 273; n += s.stride {
		lengths = append(lengths, n)
	}
	lengths = append(lengths, 511, 512, 513, 767, 768, 1023, 1024, 1025, 2047, 2048, 2049, 4000, 4096)
	for _, ad := range lengths {
		for _, n := range []int{0, 1, 15, 16, 17, 48, 63, 64, 65, 127, 128, 129, 255, 256, 257, 350, 512, 1000, 1350, 4096} {
			j.vary(src)
			j.n, j.ad = n, ad
			if err := j.run(src); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkAlignments: input and output at all offsets from a cache line.
func checkAlignments(s *subject) error {
	src := newSource(5)
	p, err := s.pair(src.bytes(s.suite.KeySize))
	if err != nil {
		return err
	}
	j := newJob(p, allUpTo)
	for from := 0; from < 64; from += s.stride {
		for to := range 64 {
			j.vary(src)
			j.srcAlign, j.dstAlign = from, to
			j.n = []int{1, 16, 63, 350, 1087}[(from+to)%5]
			if err := j.run(src); err != nil {
				return err
			}
		}
	}
	for align := range 64 {
		for _, n := range []int{0, 64, 700} {
			j.vary(src)
			j.n, j.adAlign, j.nonAl = n, align, (align*7+n)%64
			j.ad = 1 + src.below(272)
			if err := j.run(src); err != nil {
				return fmt.Errorf("additional data: %w", err)
			}
		}
	}
	return nil
}
