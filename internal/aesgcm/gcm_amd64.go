//go:build amd64 && !purego

package aesgcm

import (
	"crypto/aes"
	"errors"
	"sync/atomic"
	"unsafe"
)

const (
	nonceSize = 12
	tagSize   = 16
	blockSize = 16

	// maxText is what fits the 32 bits of the counter.
	maxText = (1<<32 - 2) * blockSize

	// partSize bounds how long a kernel runs, since nothing can interrupt it.
	partSize = 64 << 10

	scheduleSize = 256
)

// Bits of a kernel's mode; above modeBlocks the number of blocks that precede.
const (
	modeChunk  = 1 // a chunk: n and seedLen are, for opening, what is there and the longest payload wanted
	modeResume = 2 // seed holds the hash of what precedes, not additional data
	modeMore   = 4 // parts follow: the hash goes to seed

	modeBlocks = 32
)

// What is not authentic, as kernels tell.
const (
	badLength = 1
	badText   = 2
)

var errOpen = errors.New("cipher: message authentication failed")

// A GCM is AES-GCM under one key. It implements crypto/cipher.AEAD, with
// nonces of 12 bytes and tags of 16, and panics and fails where the standard
// library's does. It is safe for concurrent use.
//
// Its memory is small until it is used: a table of powers of the hash key is
// made then, and dropped by Trim.
type GCM struct {
	sched  [scheduleSize]byte
	table  atomic.Pointer[byte]
	kernel kernel
}

func newGCM(key []byte, k128, k256 kernel) (*GCM, error) {
	g := new(GCM)
	switch len(key) {
	case 16:
		g.kernel = k128
		expandKey128(&g.sched[0], &key[0])
	case 32:
		g.kernel = k256
		expandKey256(&g.sched[0], &key[0])
	default:
		return nil, aes.KeySizeError(len(key))
	}
	return g, nil
}

// NonceSize returns 12.
func (g *GCM) NonceSize() int { return nonceSize }

// Overhead returns 16.
func (g *GCM) Overhead() int { return tagSize }

// Trim gives up the table that the next use makes anew, so that an idle key
// holds little memory.
func (g *GCM) Trim() { g.table.Store(nil) }

func (g *GCM) powers() *byte {
	if t := g.table.Load(); t != nil {
		return t
	}
	return g.newPowers()
}

//go:noinline
func (g *GCM) newPowers() *byte {
	t := g.kernel.powers(&g.sched[0])
	g.table.Store(t)
	return t
}

// Seal appends the sealed plaintext to dst, as cipher.AEAD has it: to seal in
// place use plaintext[:0] as dst. It panics if the buffers overlap otherwise,
// or the nonce is not of 12 bytes. With enough capacity it does not allocate
// (TestAllocs).
func (g *GCM) Seal(dst, nonce, plaintext, additionalData []byte) []byte {
	checkNonce(nonce)
	if uint64(len(plaintext)) > maxText {
		panic("aesgcm: message too large for GCM")
	}
	whole, out := extend(dst, len(plaintext)+tagSize)
	checkOverlap(out, plaintext, additionalData)
	if len(plaintext) > partSize || len(additionalData) > blockSize {
		g.sealParts(out, nonce, plaintext, additionalData)
	} else {
		g.kernel.seal(&g.sched[0], g.powers(), &nonce[0], &out[0], unsafe.SliceData(plaintext), len(plaintext),
			unsafe.SliceData(additionalData), len(additionalData), 0)
	}
	return whole
}

// Open appends the plaintext of ciphertext to dst, as cipher.AEAD has it: to
// open in place use ciphertext[:0] as dst. If ciphertext is not authentic,
// Open returns an error, and what it wrote is cleared. It panics if the
// buffers overlap otherwise, or the nonce is not of 12 bytes. With enough
// capacity it does not allocate (TestAllocs).
func (g *GCM) Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error) {
	checkNonce(nonce)
	n := len(ciphertext) - tagSize
	if n < 0 || uint64(n) > maxText {
		return nil, errOpen
	}
	whole, out := extend(dst, n)
	checkOverlap(out, ciphertext, additionalData)
	var bad int
	if n > partSize || len(additionalData) > blockSize {
		bad = g.openParts(out, nonce, ciphertext, additionalData)
	} else {
		_, bad = g.kernel.open(&g.sched[0], g.powers(), &nonce[0], unsafe.SliceData(out), &ciphertext[0], n,
			unsafe.SliceData(additionalData), len(additionalData), 0)
	}
	if bad != 0 {
		clear(out)
		return nil, errOpen
	}
	return whole, nil
}

func checkNonce(nonce []byte) {
	if len(nonce) != nonceSize {
		panic("aesgcm: incorrect nonce length given to GCM")
	}
}

func checkOverlap(out, text, additionalData []byte) {
	if shifted(out, text) {
		panic("aesgcm: invalid buffer overlap of output and input")
	}
	if overlap(out, additionalData) {
		panic("aesgcm: invalid buffer overlap of output and additional data")
	}
}

// sealParts seals what is too long for one call: parts of a record, the hash
// of each carried into the next, and additional data before them.
func (g *GCM) sealParts(out, nonce, plaintext, additionalData []byte) {
	var hash [blockSize]byte
	mode := g.hashAdditional(&hash, additionalData)
	var blocks uint64
	for len(plaintext) > partSize {
		g.kernel.seal(&g.sched[0], g.powers(), &nonce[0], &out[0], &plaintext[0], partSize, &hash[0], len(additionalData),
			mode|modeMore|blocks<<modeBlocks)
		out, plaintext = out[partSize:], plaintext[partSize:]
		blocks += partSize / blockSize
		mode = modeResume
	}
	g.kernel.seal(&g.sched[0], g.powers(), &nonce[0], &out[0], unsafe.SliceData(plaintext), len(plaintext), &hash[0], len(additionalData),
		mode|blocks<<modeBlocks)
	clear(hash[:])
}

func (g *GCM) openParts(out, nonce, ciphertext, additionalData []byte) (bad int) {
	var hash [blockSize]byte
	mode := g.hashAdditional(&hash, additionalData)
	var blocks uint64
	for len(out) > partSize {
		g.kernel.open(&g.sched[0], g.powers(), &nonce[0], &out[0], &ciphertext[0], partSize, &hash[0], len(additionalData),
			mode|modeMore|blocks<<modeBlocks)
		out, ciphertext = out[partSize:], ciphertext[partSize:]
		blocks += partSize / blockSize
		mode = modeResume
	}
	_, bad = g.kernel.open(&g.sched[0], g.powers(), &nonce[0], unsafe.SliceData(out), &ciphertext[0], len(out), &hash[0], len(additionalData),
		mode|blocks<<modeBlocks)
	clear(hash[:])
	return bad
}

// hashAdditional prepares a seed: additional data of up to a block as it is,
// or the hash of more, and the mode that says so.
func (g *GCM) hashAdditional(seed *[blockSize]byte, additionalData []byte) (mode uint64) {
	if len(additionalData) <= blockSize {
		copy(seed[:], additionalData)
		return 0
	}
	t := g.powers()
	for len(additionalData) > 0 {
		part := additionalData[:min(len(additionalData), partSize)]
		g.kernel.hash(t, &seed[0], &part[0], len(part))
		additionalData = additionalData[len(part):]
	}
	return modeResume
}
