package vecio

import (
	"syscall"
	"time"

	"github.com/headrace-go/headrace/internal/readiness"
)

// DefaultParkAfter is how long a relay is idle before it is parked.
const DefaultParkAfter = 5 * time.Second

// A Parker watches the sockets of idle relays, so that they need no goroutines
// and no buffers. It runs one goroutine on Linux, and one for each socket
// elsewhere, until Close. All its methods are safe for concurrent use.
//
// A Parker may serve anything that waits for sockets to become readable, the
// UDP sockets of an address translation table among them.
type Parker struct{ w *readiness.Watcher }

// NewParker returns a Parker. It fails only if the system refuses the
// descriptor that it needs.
func NewParker() (*Parker, error) {
	w, err := readiness.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &Parker{w}, nil
}

// Watch calls wake once, from a goroutine of the Parker, when c has something
// to read, an end of stream or an error, or when c or the Parker is closed;
// it may call early. wake must not block, and finds out what there is by
// itself. cancel may be called at any time and more than once: wake is not
// called after it, but may be under way.
//
// A c that somebody else closes is found within seconds. Watch returns nil,
// and never calls wake, if c cannot be watched: it is no socket of package
// net, or it or the Parker is closed. Nobody else may read c meanwhile.
func (p *Parker) Watch(c syscall.Conn, wake func()) (cancel func()) { return p.w.Watch(c, wake) }

// ParkerStats tells what a Parker does.
type ParkerStats struct {
	Watched int // sockets that are watched now
}

// Stats returns what the Parker does now.
func (p *Parker) Stats() ParkerStats { return ParkerStats{Watched: p.w.Len()} }

// Close ends the Parker's goroutine. Relays that are parked go on with
// goroutines of their own. A second Close fails with net.ErrClosed.
func (p *Parker) Close() error { return p.w.Close() }
