package tlsrecord

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/slab"
)

// Variable is the environment variable that, with the value "std", leaves all
// connections to crypto/tls: for emergencies, and to compare. It is read once.
// What ciphers the records have otherwise, HEADRACE_AEAD says: see aead.New.
const Variable = "HEADRACE_TLS"

var disabled = sync.OnceValue(func() bool { return os.Getenv(Variable) == "std" })

// Defaults of Config.
const (
	DefaultMaxBurst = 256 << 10
	DefaultBatch    = 48 << 10
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

// Watcher calls wake once when c has become readable, unless cancel is called
// before.
type Watcher = interface {
	Watch(c syscall.Conn, wake func()) (cancel func())
}

// ErrConfig: a Config makes no sense.
var ErrConfig = errors.New("tlsrecord: invalid Config")

// Config configures what this package does with records. The zero Config works.
type Config struct {
	// NoTakeover leaves the records to crypto/tls.
	NoTakeover bool
	// StrictEnd makes an end of the connection without the alert that ends a
	// stream io.ErrUnexpectedEOF, even between two records. Otherwise it is
	// io.EOF there, as it is to crypto/tls, since many a peer ends so; Stats
	// tells. Inside a record it is always io.ErrUnexpectedEOF.
	StrictEnd bool
	// SmallFirst is for how many bytes of a connection records hold 4 KiB
	// each, before they hold the 16 KiB that TLS allows. crypto/tls keeps a
	// buffer for the largest record that it has received, as long as the
	// connection lives: so a peer that uses it saves 13 KiB for each connection
	// that moves less than this. Zero means that no record is small for that
	// reason. Records begin much smaller, for 128 KiB, unless the tls.Config
	// has DynamicRecordSizingDisabled.
	SmallFirst int
	// MaxBurst is the most that one read takes, in bytes: a multiple of 16
	// KiB. Zero means 256 KiB.
	MaxBurst int
	// Batch is how many bytes of content leave together: a multiple of 16 KiB.
	// Zero means 48 KiB: with more, the peer would wait longer before it can
	// open what has been sealed already.
	Batch int
	// Pool lends the buffers. Nil means the process-wide slab, which owns 256
	// MiB at most.
	Pool Pool
	// Budget grants bursts beyond 4 KiB; a refusal means that the connection
	// goes on with less. Nil means one of 4 MiB for the whole process.
	Budget Budget

	keyLimit uint64 // records under one key, for tests
}

func (cfg *Config) normalize() error {
	if cfg.MaxBurst == 0 {
		cfg.MaxBurst = DefaultMaxBurst
	}
	if cfg.Batch == 0 {
		cfg.Batch = DefaultBatch
	}
	if cfg.Pool == nil {
		cfg.Pool = slab.Default()
	}
	switch {
	case cfg.MaxBurst < 0 || cfg.MaxBurst%growth.Floor != 0:
		return fmt.Errorf("%w: MaxBurst %d is not a multiple of 16 KiB", ErrConfig, cfg.MaxBurst)
	case cfg.Batch < 0 || cfg.Batch%growth.Floor != 0:
		return fmt.Errorf("%w: Batch %d is not a multiple of 16 KiB", ErrConfig, cfg.Batch)
	case cfg.SmallFirst < 0:
		return fmt.Errorf("%w: SmallFirst is %d", ErrConfig, cfg.SmallFirst)
	}
	return nil
}
