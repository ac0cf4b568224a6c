//go:build amd64 && !purego

package aesgcm

import "unsafe"

// Sizes of a chunk of Shadowsocks (SIP004): a length of two bytes, most
// significant first, sealed under one nonce, and the payload, sealed under the
// next.
const (
	chunkHeadroom = 2 + tagSize
	chunkOverhead = chunkHeadroom + tagSize
	maxPayload    = 1<<16 - 1
)

// SealChunk appends a chunk to dst: the length of payload, sealed under
// nonces[:12], then payload, sealed under nonces[12:24]. It panics if payload
// is longer than 65535 bytes.
//
// SealChunk keeps no slice. To seal in place let payload begin 18 bytes behind
// the end of dst, in the same array; SealChunk panics if they overlap in any
// other way. With enough capacity it does not allocate (TestAllocs).
func (g *GCM) SealChunk(dst, nonces, payload []byte) []byte {
	checkNonces(nonces)
	if len(payload) > maxPayload {
		panic("aesgcm: chunk payload longer than 65535 bytes")
	}
	whole, out := extend(dst, len(payload)+chunkOverhead)
	if overlap(out[:chunkHeadroom], payload) || shifted(out[chunkHeadroom:], payload) {
		panic("aesgcm: invalid buffer overlap of chunk and payload")
	}
	g.kernel.seal(&g.sched[0], g.powers(), &nonces[0], &out[0], unsafe.SliceData(payload), len(payload), nil, 0, modeChunk)
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
func (g *GCM) OpenChunk(dst, nonces, src []byte, limit int) (plaintext []byte, size int, err error) {
	checkNonces(nonces)
	if len(src) < chunkHeadroom {
		panic("aesgcm: chunk without its length")
	}
	// The payload is opened at once if there is room for it, however long it
	// turns out to be.
	spare := dst[len(dst):cap(dst)]
	most := min(limit, len(src)-chunkOverhead, len(spare))
	if most > 0 {
		room := spare[:most]
		if overlap(room, src[:chunkHeadroom]) || shifted(room, src[chunkHeadroom:]) {
			most = -1
		}
	}
	n, bad := g.kernel.open(&g.sched[0], g.powers(), &nonces[0], unsafe.SliceData(spare), &src[0], len(src), nil, most, modeChunk)
	size = n + chunkOverhead
	switch {
	case bad == 0 && n <= most:
		return dst[:len(dst)+n], size, nil
	case bad == 0 && (n > limit || size > len(src)):
		return nil, size, nil
	case bad == 0:
		whole, out := extend(dst, n)
		if overlap(out, src[:chunkHeadroom]) || shifted(out, src[chunkHeadroom:size]) {
			panic("aesgcm: invalid buffer overlap of payload and chunk")
		}
		if _, bad = g.kernel.open(&g.sched[0], g.powers(), &nonces[nonceSize], unsafe.SliceData(out), &src[chunkHeadroom], n, nil, 0, 0); bad == 0 {
			return whole, size, nil
		}
		clear(out)
		return nil, 0, errOpen
	}
	// Bad is 1 if the length, 2 if the payload is not authentic.
	if bad == badText {
		clear(spare[:n])
	}
	return nil, 0, errOpen
}

func checkNonces(nonces []byte) {
	if len(nonces) != 2*nonceSize {
		panic("aesgcm: incorrect length of nonces given to GCM")
	}
}
