package ss

import (
	"bytes"
	"errors"
	"fmt"
	"net"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

// ErrReplay: the stream has been here before.
var ErrReplay = errors.New("ss: salt was used before")

// Accept reads the opening of a client's stream, and returns the stream behind
// it and the destination that the client asks for. It waits for as long as raw's
// read deadline lets it. The server's own salt goes out with the first bytes
// that are written.
//
// Salts of streams in both directions are added to seen: a client's is refused
// with ErrReplay if it is there already, even if it was the server's own.
//
// The stream owns raw. If Accept fails, raw is the caller's, who must not let
// the client see why, nor that anything failed at all before the time in which
// the client could have sent the rest.
func (k *Key) Accept(raw net.Conn, seen *Salts) (*Conn, socks.Addr, error) {
	var theirs []byte
	stream, err := aead.NewChunkConn(raw, aead.ChunkConfig{
		Pool:       k.Buffers(),
		PrefixSize: k.saltSize(),
		Open: func(salt []byte) (*aead.Opener, error) {
			theirs = bytes.Clone(salt)
			return k.opener(salt)
		},
		Seal: func() (salt []byte, s *aead.Sealer, err error) {
			if salt, s, err = k.sealer(); err == nil {
				seen.Add(salt)
			}
			return salt, s, err
		},
	})
	if err != nil {
		return nil, socks.Addr{}, err
	}
	dest, err := socks.ReadAddr(stream)
	if err != nil {
		return nil, socks.Addr{}, fmt.Errorf("ss: request: %w", err)
	}
	if !seen.Add(theirs) {
		return nil, socks.Addr{}, ErrReplay
	}
	return &Conn{Stream: Stream{stream, raw}, pool: k.Buffers()}, dest, nil
}
