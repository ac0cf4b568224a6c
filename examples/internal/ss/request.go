package ss

import (
	"bytes"
	"fmt"
	"net"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

// Request asks the server at the other end of raw for a connection to dest, and
// sends first, the application's first bytes, along: salt, address and first
// leave in one write, unless they are longer than 16 KiB together, so that their
// sizes do not stand out on the wire. first may be empty, and is not kept.
//
// The stream that Request returns owns raw. If it fails, raw is the caller's.
func (k *Key) Request(raw net.Conn, dest socks.Addr, first []byte) (*Stream, error) {
	var own []byte
	stream, err := aead.NewChunkConn(raw, aead.ChunkConfig{
		Pool:       k.Buffers(),
		PrefixSize: k.saltSize(),
		Seal: func() (salt []byte, s *aead.Sealer, err error) {
			own, s, err = k.sealer()
			return own, s, err
		},
		Open: func(salt []byte) (*aead.Opener, error) {
			if bytes.Equal(salt, own) { // both directions have the same master key
				return nil, ErrReplay
			}
			return k.opener(salt)
		},
	})
	if err != nil {
		return nil, err
	}
	pool := k.Buffers()
	buf := pool.Get(socks.MaxAddrLen + len(first))
	defer pool.Put(buf)
	if _, err := stream.Write(append(dest.Append(buf[:0]), first...)); err != nil {
		return nil, fmt.Errorf("ss: request: %w", err)
	}
	return &Stream{stream, raw}, nil
}
