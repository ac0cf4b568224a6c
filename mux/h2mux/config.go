package h2mux

import (
	"errors"
	"fmt"
	"time"

	"github.com/headrace-go/headrace/internal/slab"
)

// Config configures a Session. The zero value works.
type Config struct {
	// Authority is what a client's Open asks for: Requests name their own.
	// Empty means "tunnel".
	Authority string

	// MaxStreams bounds the streams that the peer may have open at once, those
	// that have ended but have not been closed here among them. Zero means 256.
	// Only a server needs it.
	MaxStreams int

	// Window is what every stream may have on its way to here, in bytes; it is
	// always granted. Zero means 64 KiB. It can be from 16 KiB to 1 GiB.
	Window int
	// MaxWindow is what a stream's window may grow to, where the peer can make
	// use of that and the Budget grants it. Zero means 4 MiB. Negative means
	// that windows do not grow.
	MaxWindow int
	// Budget grants what windows grow by; a refusal means that they stay as
	// they are. Nil means one of 16 MiB that all sessions of the process share.
	Budget interface {
		TryReserve(n int) bool
		Release(n int)
	}
	// Pool lends the buffers; it must be safe for concurrent use. Nil means
	// the process-wide slab.
	Pool interface {
		Get(n int) []byte
		Put(b []byte)
	}

	// MaxHeaderBytes bounds the header of a request or response, as RFC 9113
	// counts it (section 6.5.2). Zero means 16 KiB.
	MaxHeaderBytes int

	// KeepAlive is how long the peer may be silent while streams are open
	// before it is asked for a sign of life. Zero means 30 seconds. Negative
	// means never. Servers police this: gRPC's, for one, may close connections
	// of clients that ask more often than every five minutes.
	KeepAlive time.Duration
	// KeepAliveTimeout is how long the peer may take to answer. Zero means 15
	// seconds.
	KeepAliveTimeout time.Duration

	// ExtendedConnect lets a server's clients use extended CONNECT (RFC 8441).
	ExtendedConnect bool
	// Handler gets, on a goroutine of its own, each request whose method is
	// not CONNECT. The stream is closed when it returns. Nil means that such
	// requests are answered with status 405.
	Handler func(*Stream)

	portable bool // take no raw path, for tests
}

// Pool lends memory; see Config.
type Pool interface {
	Get(n int) []byte
	Put(b []byte)
}

const (
	defaultMaxStreams  = 256
	defaultStream      = 64 << 10
	defaultMaxWindow   = 4 << 20
	defaultHeaderBytes = 16 << 10
	largestWindow      = 1 << 30
)

func (cfg *Config) normalize() error {
	if cfg.Authority == "" {
		cfg.Authority = "tunnel"
	}
	if !validValue(cfg.Authority) {
		return fmt.Errorf("h2mux: invalid Config.Authority %q", cfg.Authority)
	}
	for _, d := range []struct {
		value         *int
		standard      int
		least, most   int
		name, comment string
	}{
		{&cfg.MaxStreams, defaultMaxStreams, 1, 1 << 30, "MaxStreams", ""},
		{&cfg.Window, defaultStream, 16 << 10, largestWindow, "Window", " bytes"},
		{&cfg.MaxHeaderBytes, defaultHeaderBytes, 256, 1 << 20, "MaxHeaderBytes", " bytes"},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
		if *d.value < d.least || *d.value > d.most {
			return fmt.Errorf("h2mux: Config.%s %d is not between %d and %d%s", d.name, *d.value, d.least, d.most, d.comment)
		}
	}
	switch {
	case cfg.MaxWindow < 0:
		cfg.MaxWindow = cfg.Window
	case cfg.MaxWindow == 0:
		cfg.MaxWindow = max(defaultMaxWindow, cfg.Window)
	case cfg.MaxWindow < cfg.Window || cfg.MaxWindow > largestWindow:
		return fmt.Errorf("h2mux: Config.MaxWindow %d is not between Window and %d bytes", cfg.MaxWindow, largestWindow)
	}
	switch {
	case cfg.KeepAlive == 0:
		cfg.KeepAlive = 30 * time.Second
	case cfg.KeepAlive < 0:
		cfg.KeepAlive = 0 // from here on: never
	}
	switch {
	case cfg.KeepAliveTimeout == 0:
		cfg.KeepAliveTimeout = 15 * time.Second
	case cfg.KeepAliveTimeout < 0:
		return errors.New("h2mux: Config.KeepAliveTimeout is negative")
	}
	if cfg.Budget == nil {
		cfg.Budget = &processCredit
	}
	if cfg.Pool == nil {
		cfg.Pool = slab.Default()
	}
	return nil
}
