package tlsrecord

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"hash"

	"github.com/headrace-go/headrace/aead"
)

const (
	ivSize    = 12
	maxSecret = sha512.Size384
)

// A suite is a cipher suite of TLS 1.3.
type suite struct {
	id    uint16
	aead  aead.Suite
	hash  func() hash.Hash
	size  int    // of the hash, in bytes, and so of secrets
	limit uint64 // records under one key
}

// gcmLimit is below the 2^24.5 full records that RFC 8446, section 5.5, allows
// under one AES-GCM key.
const gcmLimit = 1 << 24

// noLimit is no limit that a connection could live to see: sequence numbers
// must not wrap, which is all that the section asks of ChaCha20-Poly1305.
const noLimit = 1 << 60

var suites = [...]suite{
	{tls.TLS_AES_128_GCM_SHA256, aead.AES128GCM, sha256.New, sha256.Size, gcmLimit},
	{tls.TLS_AES_256_GCM_SHA384, aead.AES256GCM, sha512.New384, sha512.Size384, gcmLimit},
	{tls.TLS_CHACHA20_POLY1305_SHA256, aead.ChaCha20Poly1305, sha256.New, sha256.Size, noLimit},
}

// suiteOf returns the suite with a number, and nil if there is none.
func suiteOf(id uint16) *suite {
	for i := range suites {
		if suites[i].id == id {
			return &suites[i]
		}
	}
	return nil
}

// keys is the secret of one direction, of which its keys are made.
type keys struct {
	suite  *suite
	most   uint64 // in place of the suite's limit, if it is not 0
	secret [maxSecret]byte
}

// newKeys returns keys with a copy of secret, which is as long as the suite's
// hash.
func newKeys(s *suite, secret []byte) keys {
	k := keys{suite: s}
	copy(k.secret[:], secret)
	return k
}

func (k *keys) limit() uint64 {
	if k.most != 0 {
		return k.most
	}
	return k.suite.limit
}

// derive returns what protects records under the secret: RFC 8446, section
// 7.3.
func (k *keys) derive() (a cipher.AEAD, iv [ivSize]byte, err error) {
	key, err := k.expand("key", k.suite.aead.KeySize())
	if err != nil {
		return nil, iv, err
	}
	defer clear(key)
	b, err := k.expand("iv", ivSize)
	if err != nil {
		return nil, iv, err
	}
	copy(iv[:], b)
	clear(b)
	a, err = aead.New(k.suite.aead, key)
	return a, iv, err
}

// next replaces the secret by the one that follows it: section 7.2.
func (k *keys) next() error {
	secret, err := k.expand("traffic upd", k.suite.size)
	if err != nil {
		return err
	}
	copy(k.secret[:], secret)
	clear(secret)
	return nil
}

// wipe forgets the secret.
func (k *keys) wipe() { clear(k.secret[:]) }

// expand is HKDF-Expand-Label with no context: section 7.1.
func (k *keys) expand(label string, n int) ([]byte, error) {
	const prefix = "tls13 "
	info := binary.BigEndian.AppendUint16(make([]byte, 0, 32), uint16(n))
	info = append(info, byte(len(prefix)+len(label)))
	info = append(info, prefix...)
	info = append(info, label...)
	info = append(info, 0)
	return hkdf.Expand(k.suite.hash, k.secret[:k.suite.size], string(info), n)
}
