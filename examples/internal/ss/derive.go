package ss

import (
	"crypto/rand"
	"crypto/sha1"
	"hash"
	"sync"
)

// maxKeySize is the length of the longest master key and salt.
const maxKeySize = 32

// subkeyInfo is what HKDF binds a subkey to.
const subkeyInfo = "ss-subkey"

// A deriver is subkey for datagrams, each of which has a salt: it keeps what
// crypto/hkdf would allocate, and draws the randomness for several at once.
type deriver struct {
	hash   hash.Hash
	block  [sha1.BlockSize]byte
	digest [sha1.Size]byte
	prk    [sha1.Size]byte
	msg    [sha1.Size + len(subkeyInfo) + 1]byte
	key    [2 * sha1.Size]byte

	random [512]byte
	fresh  int // how many bytes of random are left
}

var derivers = sync.Pool{New: func() any { return &deriver{hash: sha1.New()} }}

// salt returns n random bytes, at most maxKeySize, that were never returned
// before. They are valid until the next call.
func (d *deriver) salt(n int) ([]byte, error) {
	if d.fresh < n {
		if _, err := rand.Read(d.random[:]); err != nil {
			return nil, err
		}
		d.fresh = len(d.random)
	}
	d.fresh -= n
	return d.random[d.fresh : d.fresh+n], nil
}

// subkey returns what the function subkey returns. It is valid until the next
// call. Source: RFC 5869, section 2.
func (d *deriver) subkey(master, salt []byte) []byte {
	d.mac(salt, master)
	d.prk = d.digest
	n := copy(d.msg[:], subkeyInfo)
	d.msg[n] = 1
	d.mac(d.prk[:], d.msg[:n+1])
	copy(d.key[:], d.digest[:])
	if len(master) > sha1.Size {
		n := copy(d.msg[:], d.digest[:])
		n += copy(d.msg[n:], subkeyInfo)
		d.msg[n] = 2
		d.mac(d.prk[:], d.msg[:n+1])
		copy(d.key[sha1.Size:], d.digest[:])
	}
	return d.key[:len(master)]
}

// mac leaves HMAC-SHA1 of msg, under a key of at most a block, in digest.
func (d *deriver) mac(key, msg []byte) {
	const inner, outer = 0x36, 0x5c
	d.pad(key, inner)
	d.hash.Write(msg)
	d.hash.Sum(d.digest[:0])
	d.pad(key, outer)
	d.hash.Write(d.digest[:])
	d.hash.Sum(d.digest[:0])
}

// pad begins a hash with the key, mixed with a byte.
func (d *deriver) pad(key []byte, with byte) {
	clear(d.block[copy(d.block[:], key):])
	for i := range d.block {
		d.block[i] ^= with
	}
	d.hash.Reset()
	d.hash.Write(d.block[:])
}
