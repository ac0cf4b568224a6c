//go:build !purego

package chachapoly

import (
	"encoding/binary"
	"unsafe"
)

// Sizes of a chunk of Shadowsocks (SIP004): a length of two bytes, most
// significant first, sealed under one nonce, and the payload, sealed under the
// next.
const (
	lengthSize    = 2
	chunkHeadroom = lengthSize + tagSize
	chunkOverhead = chunkHeadroom + tagSize
	maxPayload    = 1<<16 - 1
)

// fits reports whether the kernel does a chunk of n bytes in one call: the
// blocks of its length leave room for one group of 128 bytes less in the first
// pass, and there are lengths at which that one is needed.
func fits(n int) bool { return n>>7%12 != 11 }

// SealChunk appends a chunk to dst: the length of payload, sealed under
// nonces[:12], then payload, sealed under nonces[12:24]. It panics if payload
// is longer than 65535 bytes, or nonces is not of 24.
//
// SealChunk keeps no slice. To seal in place let payload begin 18 bytes behind
// the end of dst, in the same array; SealChunk panics if they overlap in any
// other way. With enough capacity it does not allocate (TestAllocs).
// Source: SIP004, "TCP".
func (x *AEAD) SealChunk(dst, nonces, payload []byte) []byte {
	checkNonces(nonces)
	n := len(payload)
	if n > maxPayload {
		panic("chachapoly: chunk payload longer than 65535 bytes")
	}
	whole, out := extend(dst, n+chunkOverhead)
	if overlap(out[:chunkHeadroom], payload) || shifted(out[chunkHeadroom:], payload) {
		panic("chachapoly: invalid buffer overlap of chunk and payload")
	}
	if !fits(n) {
		var length [lengthSize]byte
		binary.BigEndian.PutUint16(length[:], uint16(n))
		seal(&x.key, out[:0], (*[nonceSize]byte)(nonces), length[:], nil)
		seal(&x.key, out[:chunkHeadroom], (*[nonceSize]byte)(nonces[nonceSize:]), payload, nil)
		return whole
	}
	a := call{
		dst: &out[chunkHeadroom], src: unsafe.SliceData(payload), n: n,
		key: &x.key[0], nonces: &nonces[0],
		tag: &out[chunkHeadroom+n], mode: modeChunk,
	}
	a.run()
	return whole
}

// OpenChunk opens the chunk that src begins with, of which at least 18 bytes
// are there: the length under nonces[:12] and, if src has the whole chunk and
// its length is at most limit, the payload under nonces[12:24]. It appends the
// payload to dst, and also returns the size of the chunk in src.
//
// If size is more than len(src) or than limit+34, only the length has been
// opened, and plaintext is nil. If length or payload are not authentic,
// OpenChunk returns an error, and what it wrote is cleared.
//
// OpenChunk keeps no slice. To open in place use src[18:18] as dst; OpenChunk
// panics if dst and src overlap in any other way. With enough capacity it does
// not allocate (TestAllocs).
// Source: SIP004, "TCP".
func (x *AEAD) OpenChunk(dst, nonces, src []byte, limit int) (plaintext []byte, size int, err error) {
	checkNonces(nonces)
	if len(src) < chunkHeadroom {
		panic("chachapoly: chunk without its length")
	}
	if plaintext, size, err, done := x.openExpected(dst, nonces, src, limit); done {
		return plaintext, size, err
	}
	var length [lengthSize]byte
	if _, err := open(&x.key, length[:0], (*[nonceSize]byte)(nonces), src[:chunkHeadroom], nil); err != nil {
		return nil, 0, err
	}
	return x.openPayload(dst, nonces, src, limit, int(binary.BigEndian.Uint16(length[:])))
}

// openPayload opens the payload of n bytes, if there is one to be opened.
func (x *AEAD) openPayload(dst, nonces, src []byte, limit, n int) (plaintext []byte, size int, err error) {
	size = n + chunkOverhead
	if n > limit || size > len(src) {
		return nil, size, nil
	}
	if int(x.last.Load()) != n {
		x.last.Store(int32(n))
	}
	sealed := src[chunkHeadroom:size]
	whole, out := extend(dst, n)
	if overlap(out, src[:chunkHeadroom]) || shifted(out, sealed) {
		panic("chachapoly: invalid buffer overlap of payload and chunk")
	}
	if _, err := open(&x.key, out[:0], (*[nonceSize]byte)(nonces[nonceSize:]), sealed, nil); err != nil {
		return nil, 0, err
	}
	return whole, size, nil
}

// openExpected opens a chunk in one call, if its length is that of the chunk
// before. It is not done where that one would not do here.
func (x *AEAD) openExpected(dst, nonces, src []byte, limit int) (plaintext []byte, size int, err error, done bool) {
	n := int(x.last.Load())
	size = n + chunkOverhead
	if n == 0 || !fits(n) || n > limit || size > len(src) || n > cap(dst)-len(dst) {
		return nil, 0, nil, false
	}
	out := dst[len(dst) : len(dst)+n]
	if overlap(out, src[:chunkHeadroom]) || shifted(out, src[chunkHeadroom:size]) {
		return nil, 0, nil, false // the length may turn out to be another
	}
	a := call{
		dst: &out[0], src: &src[chunkHeadroom], n: n,
		key: &x.key[0], nonces: &nonces[0],
		tag: &src[size-tagSize], mode: modeOpen | modeChunk,
	}
	a.run()
	switch {
	case a.diff == 0 && a.length == n:
		return dst[:len(dst)+n], size, nil, true
	case a.diff == 0: // authentic, and another
		plaintext, size, err = x.openPayload(dst, nonces, src, limit, a.length)
		return plaintext, size, err, true
	case a.length == n:
		clear(out)
	}
	return nil, 0, errOpen, true
}

func checkNonces(nonces []byte) {
	if len(nonces) != 2*nonceSize {
		panic("chachapoly: incorrect length of nonces")
	}
}
