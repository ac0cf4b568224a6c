package serve

import (
	"context"
	"log"
	"net"
	"time"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/vecio"
)

// DefaultOpenTimeout is as long as RFC 1928 lets a failed request linger.
const DefaultOpenTimeout = 10 * time.Second

// Config configures a Server. Open is required; anything else may be zero.
type Config struct {
	// Listen is the address for clients, of TCP without Sessions. Debug is the one for who wants to
	// see counters and profiles; an empty one means that there is none. Both are
	// Main's: a Server is given its listener.
	Listen, Debug string

	// Open speaks the protocol's opening on client, dials, and returns the two
	// connections to be joined: client, or a layer over it, and the other. The
	// Server closes both in the end, and closes client if Open fails.
	// If b has IdleTimeout() time.Duration, that replaces Relay's. If a has
	// Failure() error, that is what is logged instead of the relay's
	// error: a layer may have cause to hide a failure from everyone else.
	// Until Open returns, client's reads fail once ctx is done, which is after
	// OpenTimeout at the latest.
	Open func(ctx context.Context, client net.Conn) (a, b net.Conn, err error)

	// Started, if not nil, is called by Main before the first Open, with what
	// all relays share: for whoever relays by himself, too.
	Started func(relay vecio.RelayConfig)

	// Datagrams, if not nil, is Main's, too: it serves c, a UDP socket with the
	// address of Listen, and shares the Parker and the Pool of relay. Main
	// closes what it returns. If it fails, c is Main's.
	Datagrams func(c *net.UDPConn, relay vecio.RelayConfig) (*vecio.FlowTable, error)

	// Streams, if not nil, is for protocols that carry many streams over a
	// connection. It is run for each connection, which it owns, on a goroutine of
	// its own, until that has ended or ctx is done, and hands every stream to
	// deliver, to be opened in the connection's place.
	Streams func(ctx context.Context, client net.Conn, deliver func(net.Conn)) error

	// Sessions, if not nil, is Main's: it returns what takes sessions at Listen, in
	// the place of TCP connections. Each of their streams is opened.
	Sessions func(address string) (SessionListener, error)

	// Vars are more counters for Debug, by their names.
	Vars map[string]func() any

	// OpenTimeout bounds Open and, if that fails, the wait for the client to
	// hang up, together. Zero means DefaultOpenTimeout.
	OpenTimeout time.Duration

	// Pool lends all buffers. Nil means bufpool.Default.
	Pool *bufpool.Pool

	// Relay configures how the two are joined. The Server brings the
	// Meter and the Pool, and Main a Parker.
	Relay vecio.RelayConfig

	// Log gets one line per error. Nil means the standard logger.
	Log *log.Logger
}
