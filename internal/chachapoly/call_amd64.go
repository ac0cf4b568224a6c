//go:build !purego

package chachapoly

import "unsafe"

// A call is what the kernels take. They keep none of it. The assembly knows
// the offsets (TestCallLayout).
type call struct {
	dst, src *byte
	n        int    // bytes of text
	key      *byte  // 32 bytes
	nonces   *byte  // 12 bytes, or 24 for a chunk
	aad      *byte  // additional data
	aadN     int    // and its length, 0 for a chunk
	tag      *byte  // 16 bytes: written, or compared with
	mode     int    // a set of the constants below
	diff     uint64 // not 0 if the tag is another
	total    int    // bytes of text in all parts
	skip     int    // blocks of text in the parts before
	state    *[24]uint64
	length   int // opening a chunk: of its payload, where n is expected; -1 if it is forged
}

const (
	modeOpen   = 1 << iota // else seal
	modeChunk              // the length is before dst, or src, under nonces[:12]
	modeResume             // state is of the part before
	modeMore               // parts follow: state instead of a tag
)

const (
	// shortText is the longest text that short takes.
	shortText = 192
	// part is how much text is done in one call, which cannot be preempted: a
	// multiple of 128.
	part = 1 << 16
)

// run seals or opens one record, or a chunk.
func (a *call) run() {
	a.total = a.n
	switch {
	case a.n <= shortText && a.mode&modeChunk == 0:
		short((*byte)(unsafe.Pointer(a)))
	case a.n <= part:
		record((*byte)(unsafe.Pointer(a)))
	default:
		a.diff = a.parts()
	}
}

// parts does a long record part by part. Its receiver is a copy: what is kept
// in a copy does not escape.
func (a call) parts() (diff uint64) {
	var state [24]uint64
	a.state = &state
	a.mode |= modeMore
	for a.n = part; ; {
		record((*byte)(unsafe.Pointer(&a)))
		left := a.total - 64*a.skip - a.n
		if left == 0 {
			break
		}
		a.dst = (*byte)(unsafe.Add(unsafe.Pointer(a.dst), a.n))
		a.src = (*byte)(unsafe.Add(unsafe.Pointer(a.src), a.n))
		a.skip += a.n / 64
		a.mode |= modeResume
		if left <= part {
			a.mode &^= modeMore
			a.n = left
		}
	}
	clear(state[:])
	return a.diff
}
