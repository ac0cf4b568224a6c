//go:build amd64 && !purego

package aesgcm

import "unsafe"

// fourMost is the longest text that sealFour128 and the like take.
const fourMost = 384

// A slot is a record, as these have it.
type slot struct {
	dst, src *byte
	n        int // bytes of text: 1 to fourMost
	_        int // of additional data: none
}

// Fours reports whether this kernel has SealFour and OpenFour.
func (g *GCM) Fours() bool { return g.kernel <= zmm256 }

// SealFour seals in[i], without additional data, under nonces[12*i:] into
// out[i], which is 16 bytes longer, four records side by side. It reports
// whether it did: this kernel has to have it, texts to be of 1 to 384 bytes,
// and to end well within a page. It panics if a record's text and its output
// overlap but not exactly. It does not allocate (TestAllocs).
func (g *GCM) SealFour(out, in [4][]byte, nonces [4 * nonceSize]byte) bool {
	var slots [4]slot
	if !g.Fours() || !fill(&slots, &out, &in, 0, tagSize) {
		return false
	}
	if g.kernel == zmm128 {
		sealFour128(&g.sched[0], g.powers(), &nonces[0], (*byte)(unsafe.Pointer(&slots)))
	} else {
		sealFour256(&g.sched[0], g.powers(), &nonces[0], (*byte)(unsafe.Pointer(&slots)))
	}
	return true
}

// OpenFour is the counterpart of SealFour, and also returns how many of the
// records, from the first on, are authentic. The outputs of the others are
// cleared.
func (g *GCM) OpenFour(out, in [4][]byte, nonces [4 * nonceSize]byte) (opened int, did bool) {
	var slots [4]slot
	if !g.Fours() || !fill(&slots, &out, &in, tagSize, 0) {
		return 0, false
	}
	var bad int
	if g.kernel == zmm128 {
		bad = openFour128(&g.sched[0], g.powers(), &nonces[0], (*byte)(unsafe.Pointer(&slots)))
	} else {
		bad = openFour256(&g.sched[0], g.powers(), &nonces[0], (*byte)(unsafe.Pointer(&slots)))
	}
	for opened < 4 && bad>>(2*opened)&3 == 0 {
		opened++
	}
	for _, b := range out[opened:] {
		clear(b)
	}
	return opened, true
}

// fill fills slots, and reports whether it can.
func fill(slots *[4]slot, out, in *[4][]byte, inTag, outTag int) bool {
	for i := range slots {
		n := len(in[i]) - inTag
		if n < 1 || n > fourMost {
			return false
		}
		if len(out[i]) != n+outTag {
			panic("aesgcm: output of the wrong length")
		}
		if shifted(out[i], in[i]) {
			panic("aesgcm: invalid buffer overlap of output and input")
		}
		s := &slots[i]
		s.dst, s.src, s.n = &out[i][0], &in[i][0], n
		// The last vector is masked, which is slow if what is masked out is on a
		// page that is not there.
		if beyond(s.dst, n) || beyond(s.src, n) {
			return false
		}
	}
	return true
}

// beyond reports whether the last of the vectors of n bytes at p reaches
// another page than the last byte.
func beyond(p *byte, n int) bool {
	const page = 4096
	last := uintptr(unsafe.Pointer(p)) + uintptr(n-1)
	return (last^(last+uintptr(-n&63)))&^(page-1) != 0
}
