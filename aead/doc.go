// Package aead protects records, and the streams that proxies make of them.
//
// It is for whoever implements a protocol that frames and seals its own
// records, Shadowsocks first of all. Who wants a secure channel and is free in
// the choice of its protocol should take crypto/tls.
//
// [New] returns a [crypto/cipher.AEAD] for any program. A [Sealer] and an
// [Opener] own the nonces of one direction: no call takes a nonce, so none can
// be used twice. A [ChunkWriter] and a [ChunkReader] speak the AEAD framing of
// Shadowsocks (SIP004) over any connection, many chunks per system call, and a
// [ChunkConn] is the two of them as a net.Conn:
//
//	conn, err := aead.NewChunkConn(raw, aead.ChunkConfig{
//		PrefixSize: saltSize,
//		Open: func(salt []byte) (*aead.Opener, error) {
//			a, err := aead.New(suite, subkey(salt))
//			if err != nil {
//				return nil, err
//			}
//			return aead.NewOpener(a, aead.LittleEndian(0))
//		},
//		Seal: sealWithFreshSalt,
//	})
//
// # Ownership
//
// Slices in calls and in callbacks are lent for the duration of the call, and
// none is changed but those that are written to; the one exception is the
// prefix that ChunkConfig.Seal returns. Buffers come from ChunkConfig.Pool,
// are taken when bytes are there, and go back when these have left. A
// ChunkReader or ChunkWriter that has failed holds none; a ChunkConn should be
// closed.
//
// # Concurrency
//
// A Sealer and an Opener belong to one goroutine at a time. The streams are
// safe for concurrent use in the way of a net.Conn: the two directions do not
// wait for each other, calls in the same direction take turns. The package
// starts no goroutine.
//
// # Errors
//
// Whatever a peer sends ends in an error at worst: [ErrOpen] if it is not
// authentic, [ErrTooLong], or [ErrTruncated]. Such an error is final, and so
// is [ErrNonceExhausted]. A stream that ends between two chunks ends with
// io.EOF itself: the framing of SIP004 cannot tell that from one that was cut
// there. Missed deadlines match os.ErrDeadlineExceeded and cost nothing; use
// after Close matches net.ErrClosed.
package aead
