package ss_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha1"
	"encoding/binary"
	"io"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/headrace-go/headrace/examples/internal/ss"
)

// This file is SIP004 once more, as plainly as it can be written: what the
// package is compared with.

var methods = []string{"aes-128-gcm", "aes-256-gcm", "chacha20-ietf-poly1305"}

const testPassword = "barfoo!"

type twin struct {
	master []byte
	aead   func(key []byte) (cipher.AEAD, error)
}

func newTwin(method, password string) twin {
	gcm := func(key []byte) (cipher.AEAD, error) {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		return cipher.NewGCM(block)
	}
	switch method {
	case "aes-128-gcm":
		return twin{ss.PasswordKey(password, 16), gcm}
	case "aes-256-gcm":
		return twin{ss.PasswordKey(password, 32), gcm}
	default:
		return twin{ss.PasswordKey(password, 32), chacha20poly1305.New}
	}
}

// A direction is one direction of a stream.
type direction struct {
	aead  cipher.AEAD
	nonce [12]byte
}

func (tw twin) direction(t testing.TB, salt []byte) *direction {
	t.Helper()
	key, err := hkdf.Key(sha1.New, tw.master, salt, "ss-subkey", len(tw.master))
	if err != nil {
		t.Fatal(err)
	}
	a, err := tw.aead(key)
	if err != nil {
		t.Fatal(err)
	}
	return &direction{aead: a}
}

func (d *direction) next() []byte {
	n := d.nonce
	binary.LittleEndian.PutUint64(d.nonce[:], binary.LittleEndian.Uint64(n[:])+1)
	return n[:]
}

// seal returns payload as one chunk, with length announced as its length.
func (d *direction) seal(payload []byte, length int) []byte {
	chunk := d.aead.Seal(nil, d.next(), binary.BigEndian.AppendUint16(nil, uint16(length)), nil)
	return d.aead.Seal(chunk, d.next(), payload, nil)
}

// open reads one chunk.
func (d *direction) open(r io.Reader) ([]byte, error) {
	read := func(n int) ([]byte, error) {
		sealed := make([]byte, n+d.aead.Overhead())
		if _, err := io.ReadFull(r, sealed); err != nil {
			return nil, err
		}
		return d.aead.Open(nil, d.next(), sealed, nil)
	}
	length, err := read(2)
	if err != nil {
		return nil, err
	}
	return read(int(binary.BigEndian.Uint16(length)))
}

// stream returns a whole stream: the salt, and a chunk for each of payloads.
func (tw twin) stream(t testing.TB, salt []byte, payloads ...[]byte) []byte {
	t.Helper()
	salt = salt[:len(tw.master)]
	d := tw.direction(t, salt)
	wire := append([]byte(nil), salt...)
	for _, p := range payloads {
		wire = append(wire, d.seal(p, len(p))...)
	}
	return wire
}
