package aeadtest_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"unsafe"

	"github.com/headrace-go/headrace/internal/aeadtest"
	"github.com/headrace-go/headrace/internal/fused"
)

// A model is an AEAD as a kernel would have it, in plain Go: many blocks a
// turn, with powers of the hash key. It can be given one fault.
type model struct {
	fault     string
	nonceSize int
	newHash   func(nonce []byte) hash
	newStream func(nonce []byte) cipher.Stream // at the first byte of text
	mask      func(nonce []byte) [16]byte      // of the tag
	bits      bool                             // lengths are told in bits, most significant byte first
	sink      byte
}

// A hash is a polynomial in a secret point.
type hash interface {
	blocks(b []byte) // a multiple of 16 bytes
	sum() [16]byte   // without the mask
}

func (m *model) has(fault string) bool { return m.fault == fault }

func (m *model) NonceSize() int { return m.nonceSize }
func (m *model) Overhead() int  { return 16 }

// nonce is where faults in handling it are.
func (m *model) nonce(nonce []byte) []byte {
	if len(nonce) != m.nonceSize {
		panic("model: bad nonce length")
	}
	switch m.fault {
	case "nonce bytes swapped":
		nonce = bytes.Clone(nonce)
		nonce[3], nonce[m.nonceSize-5] = nonce[m.nonceSize-5], nonce[3]
	case "last nonce byte ignored":
		nonce = bytes.Clone(nonce)
		nonce[m.nonceSize-1] = 0
	case "nonce read 16 bytes wide":
		m.sink += *(*byte)(unsafe.Add(unsafe.Pointer(&nonce[0]), m.nonceSize+3))
	}
	return nonce
}

func (m *model) tag(nonce, ad, text []byte) [16]byte {
	h := m.newHash(nonce)
	adLen, textLen := len(ad), len(text)
	switch m.fault {
	case "additional data beyond 256 bytes dropped":
		ad = ad[:min(len(ad), 256)]
	case "length of additional data in one byte":
		adLen &= 0xFF
	case "length of text in 13 bits":
		textLen &= 0x1FFF
	case "lengths swapped":
		adLen, textLen = textLen, adLen
	}
	m.absorb(h, ad)
	if m.has("last partial block dropped") {
		text = text[:len(text)&^15]
	}
	m.absorb(h, text)
	var lengths []byte
	if m.bits {
		lengths = binary.BigEndian.AppendUint64(nil, 8*uint64(adLen))
		lengths = binary.BigEndian.AppendUint64(lengths, 8*uint64(textLen))
	} else {
		lengths = binary.LittleEndian.AppendUint64(nil, uint64(adLen))
		lengths = binary.LittleEndian.AppendUint64(lengths, uint64(textLen))
	}
	h.blocks(lengths)
	sum, mask := h.sum(), m.mask(nonce)
	if m.bits {
		subtle.XORBytes(sum[:], sum[:], mask[:])
		return sum
	}
	var carry uint64
	for i := range sum {
		carry += uint64(sum[i]) + uint64(mask[i])
		sum[i] = byte(carry)
		carry >>= 8
		if m.has("no carry into the upper half of the tag") && i == 7 {
			carry = 0
		}
	}
	return sum
}

// absorb hashes b, with zeros behind it up to a whole block.
func (m *model) absorb(h hash, b []byte) {
	whole := len(b) &^ 15
	h.blocks(b[:whole])
	if whole < len(b) {
		var last [16]byte
		copy(last[:], b[whole:])
		if m.has("padding not zero") {
			last[15]++
		}
		h.blocks(last[:])
	}
}

func (m *model) Seal(dst, nonce, plain, ad []byte) []byte {
	nonce = m.nonce(nonce)
	if m.has("scratch shared by all calls") {
		nonce = throughScratch(nonce)
	}
	start := len(dst)
	out := grow(dst, len(plain)+16)
	text, tail := out[start:start+len(plain)], out[start+len(plain):]
	m.checkOverlap(text[:len(text)+16], plain, ad)
	if m.has("one byte read past the input") && len(plain) > 0 {
		m.sink += *(*byte)(unsafe.Add(unsafe.Pointer(&plain[0]), len(plain)))
	}
	if m.has("a byte read before the input") && len(plain) > 0 {
		m.sink += *(*byte)(unsafe.Add(unsafe.Pointer(&plain[0]), -1))
	}
	m.newStream(nonce).XORKeyStream(text, plain)
	if m.has("dropped block") && len(plain) >= 1792 && len(plain)%512 != 0 {
		// What a published library did: a block of the last turn is not hashed.
		at := len(plain)&^511 - 16
		tag := m.tag(nonce, ad, slices.Concat(text[:at], text[at+16:]))
		copy(tail, tag[:])
		return out
	}
	tag := m.tag(nonce, ad, text)
	copy(tail, tag[:])
	if m.has("written past the output") && cap(out)-len(out) >= 0 {
		p := (*byte)(unsafe.Add(unsafe.Pointer(&tail[0]), 16))
		*p = 0
	}
	if m.has("input changed") && len(plain) > 0 && start == 0 && &out[0] != &plain[0] {
		plain[0] ^= 1
	}
	return out
}

func (m *model) Open(dst, nonce, record, ad []byte) ([]byte, error) {
	nonce = m.nonce(nonce)
	if len(record) < 16 {
		if m.has("short records panic") {
			_ = record[len(record)-16]
		}
		return nil, errors.New("model: too short")
	}
	text, tail := record[:len(record)-16], record[len(record)-16:]
	start := len(dst)
	out := grow(dst, len(text))
	plain := out[start:]
	m.checkOverlap(plain, record, ad)
	want := m.tag(nonce, ad, text)
	compare := 16
	switch m.fault {
	case "tag compared by 15 bytes":
		compare = 15
	case "tag compared from its second byte":
		if want[0] != tail[0] {
			want[0] = tail[0]
		}
	case "hashed after opening in place":
		m.newStream(nonce).XORKeyStream(plain, text)
		want = m.tag(nonce, ad, text)
		m.newStream(nonce).XORKeyStream(plain, plain)
	case "tag of nothing not looked at":
		if len(text) == 0 {
			compare = 0
		}
	}
	if !bytes.Equal(want[:compare], tail[:compare]) {
		switch m.fault {
		case "plaintext left behind":
			m.newStream(nonce).XORKeyStream(plain, text)
		case "first half cleared":
			m.newStream(nonce).XORKeyStream(plain, text)
			clear(plain[:len(plain)/2])
		case "plaintext returned with the error":
			return out, errors.New("model: forged")
		case "tag cleared too":
			if len(plain) > 0 && &plain[0] == &text[0] {
				clear(record)
			}
		default:
			clear(plain)
		}
		return nil, errors.New("model: forged")
	}
	m.newStream(nonce).XORKeyStream(plain, text)
	return out, nil
}

var shared [1]byte

func throughScratch(nonce []byte) []byte {
	shared[0] = nonce[0]
	runtime.Gosched()
	nonce = bytes.Clone(nonce)
	nonce[0] = shared[0]
	return nonce
}

func grow(dst []byte, n int) []byte { return slices.Grow(dst, n)[:len(dst)+n] }

func (m *model) checkOverlap(out, in, ad []byte) {
	if m.has("overlap not refused") {
		return
	}
	if meets(out, in) && &out[0] != &in[0] {
		panic("model: overlap")
	}
	if meets(out, ad) && !m.has("overlap of additional data not refused") {
		panic("model: overlap of additional data")
	}
}

func meets(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	a0, b0 := uintptr(unsafe.Pointer(&a[0])), uintptr(unsafe.Pointer(&b[0]))
	return a0 < b0+uintptr(len(b)) && b0 < a0+uintptr(len(a))
}

// A chunkModel has chunks in one call as well.
type chunkModel struct{ *model }

func (m chunkModel) SealChunk(dst, nonces, payload []byte) []byte {
	start := len(dst)
	out := grow(dst, len(payload)+fused.Overhead)
	whole := out[start:]
	at := whole[fused.Headroom:]
	if meets(whole, payload) && &at[0] != &payload[0] && !m.has("overlap of a chunk not refused") {
		panic("model: overlap")
	}
	n := len(payload)
	length := []byte{byte(n >> 8), byte(n)}
	second := nonces[12:24]
	switch m.fault {
	case "length in the wrong order":
		length[0], length[1] = length[1], length[0]
	case "second nonce not used":
		second = nonces[:12]
	case "nonces moved on":
		defer func() { nonces[0]++ }()
	}
	sealed := m.Seal(nil, second, payload, nil)
	copy(at, sealed)
	copy(whole, m.Seal(nil, nonces[:12], length, nil))
	return out
}

func (m chunkModel) OpenChunk(dst, nonces, src []byte, limit int) ([]byte, int, error) {
	length, err := m.Open(nil, nonces[:12], src[:fused.Headroom], nil)
	if m.has("length not authenticated") && err != nil {
		length = make([]byte, 2)
		m.newStream(nonces[:12]).XORKeyStream(length, src[:2])
		err = nil
	}
	if err != nil {
		return nil, 0, err
	}
	n := int(length[0])<<8 | int(length[1])
	size := n + fused.Overhead
	if m.has("limit not looked at") {
		limit = fused.MaxPayload
	}
	if size > len(src) || n > limit {
		return nil, size, nil
	}
	start := len(dst)
	if out := grow(dst, n)[start:]; meets(out, src[:size]) && &out[0] != &src[fused.Headroom] {
		panic("model: overlap")
	}
	record := src[fused.Headroom:size]
	if m.has("payload opened under the first nonce") {
		out, err := m.Open(dst, nonces[:12], record, nil)
		return out, size, err
	}
	// Open refuses an output on the tag of a chunk before this one's end.
	out, err := m.Open(nil, nonces[12:24], record, nil)
	if err != nil {
		clear(grow(dst, n)[start:])
		return nil, size, err
	}
	return append(dst, out...), size, nil
}

// broken is a constructor of models with a fault, or without one.
func broken(s aeadtest.Suite, fault string) aeadtest.New {
	return func(key []byte) (cipher.AEAD, error) {
		if len(key) != s.KeySize && fault != "any key taken" {
			return nil, errors.New("model: bad key length")
		}
		if fault == "any key taken" {
			key = append(bytes.Clone(key), make([]byte, s.KeySize)...)[:s.KeySize]
		}
		if fault != "key not copied" {
			key = bytes.Clone(key)
		}
		var m *model
		if s.Name == aeadtest.ChaCha20Poly1305.Name {
			m = chachaModel(key, fault)
		} else {
			m = gcmModel(key, fault)
		}
		m.fault = fault
		return chunkModel{m}, nil
	}
}
