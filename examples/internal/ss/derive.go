package ss

import (
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"sync"
)

// maxKeySize is the length of the longest master key and salt.
const maxKeySize = 32

// subkeyInfo is what HKDF binds a subkey to.
const subkeyInfo = "ss-subkey"

// A deriver is subkey for datagrams, each of which has a salt: it keeps what
// crypto/hkdf would allocate, and draws the randomness for several at once.
type deriver struct {
	input [sha1.BlockSize + maxKeySize]byte // of a hash: a key's block and a message
	key   [2 * sha1.Size]byte

	random [512]byte
	fresh  int // how many bytes of random are left
}

var derivers = sync.Pool{New: func() any { return new(deriver) }}

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
	prk := d.mac(salt, append(d.message(), master...))
	t := d.mac(prk[:], append(append(d.message(), subkeyInfo...), 1))
	copy(d.key[:], t[:])
	if len(master) > sha1.Size {
		t = d.mac(prk[:], append(append(append(d.message(), t[:]...), subkeyInfo...), 2))
		copy(d.key[sha1.Size:], t[:])
	}
	return d.key[:len(master)]
}

// message is where the message of a mac has to be.
func (d *deriver) message() []byte { return d.input[sha1.BlockSize:sha1.BlockSize] }

// The constants of HMAC. Source: RFC 2104, section 2.
var innerPad, outerPad = pad(0x36), pad(0x5c)

func pad(with byte) (p [sha1.BlockSize]byte) {
	for i := range p {
		p[i] = with
	}
	return p
}

// mac is HMAC-SHA1 of a message that is where message says, under a key of at
// most a block.
func (d *deriver) mac(key, message []byte) [sha1.Size]byte {
	block := d.input[:sha1.BlockSize]
	copy(block, innerPad[:])
	subtle.XORBytes(block, block, key) // as far as the key goes
	inner := sha1.Sum(d.input[:sha1.BlockSize+len(message)])
	copy(block, outerPad[:])
	subtle.XORBytes(block, block, key)
	return sha1.Sum(append(d.input[:sha1.BlockSize], inner[:]...))
}
