package aead

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/slab"
)

// Pool lends memory. *bufpool.Pool is one. It must be safe for concurrent use.
type Pool interface {
	// Get returns a slice of length n with undefined contents.
	Get(n int) []byte
	// Put takes back a slice that Get returned, of any length.
	Put(b []byte)
}

// Budget grants bursts beyond 4 KiB. *bufpool.Budget is one. It must be safe
// for concurrent use.
type Budget interface {
	TryReserve(n int) bool
	Release(n int)
}

// ChunkConfig configures a ChunkReader, a ChunkWriter, or the ChunkConn of
// both. Its functions may be called by many streams at the same time if many
// are given them.
type ChunkConfig struct {
	// PrefixSize is how many bytes the peer sends in front of its first
	// chunk, such as a salt.
	PrefixSize int
	// Open makes the Opener for what follows the prefix, which it may not
	// keep. It is called once: when the prefix has arrived or, without one,
	// the first byte. Its error ends the reading. It may close the stream, but
	// not read from it. Needed to read.
	Open func(prefix []byte) (*Opener, error)
	// Seal makes the Sealer, and what is sent in front of the first chunk, in
	// the same write. The prefix is lent until then. Seal is called once,
	// before the first write. Its error ends the writing. It may close the
	// stream, but not write to it. Needed to write.
	Seal func() (prefix []byte, s *Sealer, err error)
	// First makes what stands in place of the first chunk's sealed length, if
	// the protocol has something else there, such as the response header of
	// SIP022: it is given the length of the first payload, and what it returns
	// is sealed under the first nonce, behind Seal's prefix, and the payload
	// under the next. It is called once. What it returns is lent until then.
	// Nil is a sealed length. A reader is told of such a length by
	// Opener.Headless. Not for Records.
	First func(length int) (header []byte, err error)
	// Framing is how the stream is cut. Zero means Chunks.
	Framing Framing
	// Received has already been read from the connection; what is read next
	// comes behind it. It is copied.
	Received []byte
	// MaxPayload is the longest payload that is sent or accepted, in bytes, at
	// most 65535, or MaxRecord in Records. Zero means the constant MaxPayload,
	// 16383, or what makes records of 16 KiB, 16366.
	MaxPayload int
	// MaxBurst is the most that one read or write takes, in bytes: a multiple
	// of 16 KiB. Zero means 512 KiB.
	MaxBurst int
	// Pool lends the buffers. Nil means the process-wide slab, which owns 256
	// MiB at most.
	Pool Pool
	// Budget grants bursts beyond 4 KiB; a refusal means that the stream goes
	// on with less, and whole chunks all the same. Nil means one of 4 MiB for
	// the whole process.
	Budget Budget
}

// Watcher calls wake once when c has become readable, unless cancel is called
// before.
type Watcher = interface {
	Watch(c syscall.Conn, wake func()) (cancel func())
}

func (cfg *ChunkConfig) normalize() error {
	if cfg.Framing > Records {
		return fmt.Errorf("%w: unknown Framing %d", ErrConfig, cfg.Framing)
	}
	if cfg.MaxPayload == 0 {
		cfg.MaxPayload = MaxPayload
		if cfg.Framing == Records {
			cfg.MaxPayload = growth.Floor - RecordOverhead
		}
	}
	if cfg.MaxBurst == 0 {
		cfg.MaxBurst = growth.Max
	}
	if cfg.Pool == nil {
		cfg.Pool = slab.Default()
	}
	switch {
	case cfg.PrefixSize < 0:
		return fmt.Errorf("%w: PrefixSize %d", ErrConfig, cfg.PrefixSize)
	case cfg.MaxPayload < 1 || cfg.MaxPayload > cfg.Framing.longest():
		return fmt.Errorf("%w: MaxPayload %d is not in 1..%d", ErrConfig, cfg.MaxPayload, cfg.Framing.longest())
	case cfg.First != nil && cfg.Framing != Chunks:
		return fmt.Errorf("%w: First is for Chunks", ErrConfig)
	case cfg.MaxBurst < 0 || cfg.MaxBurst%growth.Floor != 0:
		return fmt.Errorf("%w: MaxBurst %d is not a multiple of 16 KiB", ErrConfig, cfg.MaxBurst)
	}
	return nil
}

func (cfg *ChunkConfig) window() growth.Window {
	return growth.New(cfg.Pool, cfg.Budget, cfg.MaxBurst)
}

// isTimeout reports whether a stream can go on after err. Other errors that
// call themselves timeouts, such as ETIMEDOUT, are the end of the connection.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// errClosed is what a stream says after its Close.
var errClosed = fmt.Errorf("aead: chunk stream closed: %w", net.ErrClosed)
