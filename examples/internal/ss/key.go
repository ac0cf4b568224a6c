package ss

import (
	"crypto/hkdf"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"errors"
	"fmt"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/bufpool"
)

var (
	// ErrMethod: no AEAD method of SIP004 has this name.
	ErrMethod = errors.New("ss: unknown method")

	// ErrPassword: there is no password.
	ErrPassword = errors.New("ss: empty password")
)

// A Key is what the two sides share: a method and a master key. It is safe for
// concurrent use.
type Key struct {
	// Pool lends the buffers of its streams. Nil means bufpool.Default. It
	// must not be changed once there are streams.
	Pool *bufpool.Pool

	suite  aead.Suite
	master []byte
}

// NewKey derives a Key from a password, which should be long and random: the
// derivation does nothing to slow a guesser down.
func NewKey(method, password string) (*Key, error) {
	suite, err := suiteOf(method)
	if err != nil {
		return nil, err
	}
	if password == "" {
		return nil, ErrPassword
	}
	return &Key{suite: suite, master: passwordKey(password, suite.KeySize())}, nil
}

// suiteOf knows the methods by the names that SIP004 gives them.
func suiteOf(method string) (aead.Suite, error) {
	switch method {
	case "aes-128-gcm":
		return aead.AES128GCM, nil
	case "aes-256-gcm":
		return aead.AES256GCM, nil
	case "chacha20-ietf-poly1305":
		return aead.ChaCha20Poly1305, nil
	default:
		return 0, fmt.Errorf("%w %q", ErrMethod, method)
	}
}

// passwordKey is OpenSSL's EVP_BytesToKey with MD5, no salt, and one round.
func passwordKey(password string, n int) []byte {
	var key, digest []byte
	for len(key) < n {
		sum := md5.Sum(append(digest, password...))
		digest = sum[:]
		key = append(key, digest...)
	}
	return key[:n]
}

// Buffers returns the pool of the Key's streams.
func (k *Key) Buffers() *bufpool.Pool {
	if k.Pool == nil {
		return bufpool.Default()
	}
	return k.Pool
}

// saltSize is the length of a stream's salt: that of the key.
func (k *Key) saltSize() int { return len(k.master) }

// sealer returns what protects one direction of one connection, and the new salt
// that tells the peer how to open it.
func (k *Key) sealer() (salt []byte, s *aead.Sealer, err error) {
	salt = make([]byte, k.saltSize())
	if _, err := rand.Read(salt); err != nil {
		return nil, nil, err
	}
	sub, err := subkey(k.master, salt)
	if err != nil {
		return nil, nil, err
	}
	a, err := aead.New(k.suite, sub)
	if err != nil {
		return nil, nil, err
	}
	s, err = aead.NewSealer(a, aead.LittleEndian(0))
	return salt, s, err
}

// opener is the peer's sealer turned round.
func (k *Key) opener(salt []byte) (*aead.Opener, error) {
	sub, err := subkey(k.master, salt)
	if err != nil {
		return nil, err
	}
	a, err := aead.New(k.suite, sub)
	if err != nil {
		return nil, err
	}
	return aead.NewOpener(a, aead.LittleEndian(0))
}

// subkey derives the key of one direction of one connection.
func subkey(master, salt []byte) ([]byte, error) {
	return hkdf.Key(sha1.New, master, salt, subkeyInfo, len(master))
}
