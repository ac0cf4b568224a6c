package quicmux

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/headrace-go/headrace/mux"
)

// Defaults of Config.
const (
	DefaultMaxStreams    = 1024
	DefaultStreamWindow  = 8 << 20
	DefaultSessionWindow = 32 << 20
	DefaultIdleTimeout   = 60 * time.Second
	DefaultKeepAlive     = 15 * time.Second
)

// The flow control windows that streams and sessions begin with, in bytes, which
// are granted in any case. A session's has room for some streams that nobody
// reads: QUIC gives credit back when the application reads, and with as much as
// one stream may have, a single one would stop all others.
const (
	firstWindow        = 512 << 10
	firstSessionWindow = 8 * firstWindow
)

// Config configures Dial and Listen. Only TLS is required.
type Config struct {
	// TLS is cloned. It needs NextProtos, a certificate to listen, and a
	// ClientSessionCache for sessions to be resumed.
	TLS *tls.Config

	// Early sends before the handshake is over, if a session is resumed: what
	// Dial's streams carry until then may be replayed by an attacker. For
	// Listen it accepts such data. Source: RFC 9001, section 9.2.
	Early bool

	// MaxStreams is how many streams the peer may have open at once.
	// Zero means 1024. Negative means none.
	MaxStreams int
	// StreamWindow bounds what one stream's peer may send that was not read
	// yet, in bytes; windows begin with 512 KiB and grow with the bandwidth-
	// delay product. Zero means 8 MiB. Less than 512 KiB is refused.
	StreamWindow int
	// SessionWindow is the same for all streams of a session together; it
	// begins with 4 MiB. Zero means 32 MiB. Less than that, or than
	// StreamWindow, is refused.
	SessionWindow int
	// Budget, if not nil, must also grant what the session's window grows by
	// beyond 4 MiB; it gets that back when the session ends. It must be safe
	// for concurrent use and must not block.
	Budget Budget

	// IdleTimeout ends a session of which nothing was heard for this long.
	// Zero means 60 seconds. Less than a second is refused.
	IdleTimeout time.Duration
	// KeepAlive is how often something is sent so that it is not.
	// Zero means 15 seconds. Negative means never.
	KeepAlive time.Duration

	// Datagrams lets both sides send datagrams (RFC 9221).
	Datagrams bool

	// Bare is for a protocol with a wire of its own: streams carry what is
	// written and nothing else, as those of Wrap do, and the peer may have 16
	// unidirectional streams, which are accepted on Session.Conn.
	Bare bool

	portable bool // have quic-go read the socket, for tests
}

// bareUni is how many unidirectional streams the peer of a Bare session may
// have open: HTTP/3 takes three.
const bareUni = 16

// A Budget grants bytes. *bufpool.Budget is one.
type Budget interface {
	TryReserve(n int) bool
	Release(n int)
}

func (cfg *Config) normalize() error {
	setDefault(&cfg.MaxStreams, DefaultMaxStreams)
	setDefault(&cfg.StreamWindow, DefaultStreamWindow)
	setDefault(&cfg.SessionWindow, DefaultSessionWindow)
	setDefault(&cfg.IdleTimeout, DefaultIdleTimeout)
	setDefault(&cfg.KeepAlive, DefaultKeepAlive)
	switch {
	case cfg.TLS == nil || len(cfg.TLS.NextProtos) == 0:
		return errors.New("quicmux: Config.TLS has to name NextProtos")
	case cfg.StreamWindow < firstWindow:
		return fmt.Errorf("quicmux: Config.StreamWindow %d is below %d", cfg.StreamWindow, firstWindow)
	case cfg.SessionWindow < max(cfg.StreamWindow, firstSessionWindow):
		return fmt.Errorf("quicmux: Config.SessionWindow %d is below %d", cfg.SessionWindow, max(cfg.StreamWindow, firstSessionWindow))
	case cfg.IdleTimeout < time.Second:
		return fmt.Errorf("quicmux: Config.IdleTimeout %v is below a second", cfg.IdleTimeout)
	}
	return nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// quic is the configuration of quic-go.
func (cfg *Config) quic(windows *windows) *quic.Config {
	q := &quic.Config{
		MaxIdleTimeout:                 cfg.IdleTimeout,
		KeepAlivePeriod:                max(cfg.KeepAlive, 0),
		InitialStreamReceiveWindow:     firstWindow,
		MaxStreamReceiveWindow:         uint64(cfg.StreamWindow),
		InitialConnectionReceiveWindow: firstSessionWindow,
		MaxConnectionReceiveWindow:     uint64(cfg.SessionWindow),
		MaxIncomingStreams:             int64(cfg.MaxStreams),
		MaxIncomingUniStreams:          1, // the drain stream
		EnableDatagrams:                cfg.Datagrams,
		Allow0RTT:                      cfg.Early,
		AllowConnectionWindowIncrease:  windows.grow,
	}
	if cfg.Bare {
		q.MaxIncomingUniStreams = bareUni
	}
	return q
}

// largestCode is what QUIC can carry (RFC 9000, section 16).
const largestCode mux.Code = 1<<62 - 1

func checkCode(code mux.Code) error {
	if code > largestCode {
		return fmt.Errorf("quicmux: %v does not fit 62 bits", code)
	}
	return nil
}
