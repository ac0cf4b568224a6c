package suites

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/headrace-go/headrace/internal/fused"
)

// selfTestLengths cross every way that a wide implementation is known to take:
// one masked pass, whole turns, turns with a rest, more than one turn.
var selfTestLengths = []int{0, 1, 2, 15, 16, 17, 64, 100, 128, 255, 256, 350, 511, 513, 1000, 1350, 1808, 2048, 4097, 8200}

// selfTest compares a backend with the standard library's, once, in some tens
// of microseconds. It is no proof of anything but that the kernel and this
// processor understand each other.
func selfTest(id ID, newAEAD func(key []byte) (cipher.AEAD, error)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	key := pattern(id.KeySize(), 7)
	want, err := infos[id].std(key)
	if err != nil {
		return err
	}
	got, err := newAEAD(key)
	if err != nil {
		return err
	}
	for i, n := range selfTestLengths {
		nonce, plain, ad := pattern(id.NonceSize(), i), pattern(n, i+1), pattern(i*3, i+2)
		record := want.Seal(nil, nonce, plain, ad)
		if !bytes.Equal(got.Seal(nil, nonce, plain, ad), record) {
			return fmt.Errorf("its Seal of %d bytes is wrong", n)
		}
		if err := selfTestChunk(want, got, nonce, plain); err != nil {
			return fmt.Errorf("chunk of %d bytes: %w", n, err)
		}
		forged := bytes.Clone(record)
		forged[i*37%len(forged)] ^= 0x10
		if _, err := got.Open(nil, nonce, forged, ad); err == nil {
			return fmt.Errorf("its Open of %d forged bytes works", n)
		}
		opened, err := got.Open(record[:0], nonce, record, ad)
		if err != nil || !bytes.Equal(opened, plain) {
			return fmt.Errorf("its Open of %d bytes is wrong", n)
		}
	}
	return nil
}

func selfTestChunk(want, got cipher.AEAD, nonce, payload []byte) error {
	nonces := append(bytes.Clone(nonce), nonce...)
	nonces[fused.NonceSize]++
	var chunk []byte
	if len(nonce) == fused.NonceSize {
		chunk = want.Seal(nil, nonces[:fused.NonceSize], []byte{byte(len(payload) >> 8), byte(len(payload))}, nil)
		chunk = want.Seal(chunk, nonces[fused.NonceSize:], payload, nil)
	}
	if sealer, ok := got.(fused.ChunkSealer); ok && !bytes.Equal(sealer.SealChunk(nil, nonces, payload), chunk) {
		return errors.New("wrong")
	}
	if opener, ok := got.(fused.ChunkOpener); ok {
		opened, size, err := opener.OpenChunk(nil, nonces, chunk, len(payload))
		if err != nil || size != len(chunk) || !bytes.Equal(opened, payload) {
			return errors.New("not opened")
		}
	}
	return nil
}

// pattern is n bytes that differ from each other.
func pattern(n, seed int) []byte {
	b := make([]byte, n)
	x := uint32(seed)*2654435761 + 12345
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}
