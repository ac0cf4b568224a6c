package vecio

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/peel"
	"github.com/headrace-go/headrace/internal/slab"
)

// Defaults of CoalesceConfig.
const (
	DefaultReadAhead = 128 << 10
	DefaultBatch     = 48 << 10
)

// ErrMidRecord: Detach was called between the two ends of a record.
var ErrMidRecord = errors.New("vecio: in the middle of a record")

// CoalesceConfig configures a CoalesceConn. The zero value works.
type CoalesceConfig struct {
	// ReadAhead is the most that one read of the connection below takes, in
	// bytes: a multiple of 16 KiB. Reads begin with 16 KiB and grow while
	// they come back full. Zero means 128 KiB.
	ReadAhead int
	// Batch is how many bytes are held between Cork and Uncork before they
	// leave together, about one batch at most: a multiple of 16 KiB. Zero
	// means 48 KiB, three records of TLS, with which the peer opens one batch while the next one
	// is sealed. Larger ones save system calls, and lose that.
	Batch int
	// SmallFirst is for how many bytes of a connection Layered writes records
	// of 4 KiB, before it goes over to the 16 KiB that TLS allows. crypto/tls
	// keeps a buffer for the largest record that it has received, as long as
	// the connection lives: so the peer saves 13 KiB for each connection that
	// moves less than this. Zero means that no record is small.
	SmallFirst int
	// Pool lends the buffers; it must be safe for concurrent use. Nil means
	// the process-wide slab.
	Pool interface {
		Get(n int) []byte
		Put(b []byte)
	}
	// Budget grants buffers beyond 4 KiB; a refusal means less, and 4 KiB at
	// least. Nil means the relays' budget of 4 MiB for the whole process.
	Budget interface {
		TryReserve(n int) bool
		Release(n int)
	}
}

func (cfg *CoalesceConfig) normalize() {
	if cfg.ReadAhead == 0 {
		cfg.ReadAhead = DefaultReadAhead
	}
	if cfg.Batch == 0 {
		cfg.Batch = DefaultBatch
	}
	for _, n := range []int{cfg.ReadAhead, cfg.Batch} {
		if n < 0 || n%growth.Floor != 0 {
			panic(fmt.Sprintf("vecio: CoalesceConfig: %d is not a multiple of 16 KiB", n))
		}
	}
	if cfg.SmallFirst < 0 {
		panic(fmt.Sprintf("vecio: CoalesceConfig.SmallFirst is %d", cfg.SmallFirst))
	}
	if cfg.Pool == nil {
		cfg.Pool = slab.Default()
	}
}

// A CoalesceConn is a connection to put under a TLS connection, which makes
// a system call or more of each record otherwise. It merges the records that
// are written between Cork and Uncork, and reads many at a time.
//
//	under := vecio.Coalesce(raw, vecio.CoalesceConfig{})
//	conn := vecio.Layered(tls.Server(under, config), under)
//
// It serves crypto/tls and whatever is made after it, clients and servers,
// from the first byte of the handshake on. It goes by the length in front of
// each record and by nothing else, so it alters nothing, and whatever is
// wrong with a record is found by the layer above.
//
// Its methods are safe for concurrent use, as those of every net.Conn; one
// goroutine reads and one writes at a time, the others wait. Setting a
// deadline, Close and Abort do not wait. It owns the connection below, starts
// no goroutine, and does not allocate once it is warm (TestCoalesceAllocs).
type CoalesceConn struct {
	raw    net.Conn
	cfg    CoalesceConfig
	in     readAhead
	out    recordWriter
	closed atomic.Bool
}

// Coalesce returns a CoalesceConn over raw, which belongs to it from then on.
// Nothing of raw may have been read but whole records. It panics if cfg makes
// no sense.
//
// Over a *net.TCPConn or *net.UnixConn, also under wrappers with
// TransparentConn, it holds no buffer while it waits. Over any other
// connection it holds 16 KiB during a Read.
func Coalesce(raw net.Conn, cfg CoalesceConfig) *CoalesceConn {
	cfg.normalize()
	c := &CoalesceConn{raw: raw, cfg: cfg}
	c.in.win = growth.New(cfg.Pool, cfg.Budget, cfg.ReadAhead)
	_, c.out.wraps = raw.(peel.Transparent)
	c.out.batch = cfg.Batch
	c.out.win = growth.New(cfg.Pool, cfg.Budget, cfg.Batch)
	return c
}

// Detach ends the CoalesceConn and gives back the connection below, with what
// has been read from it and from no record that was begun: for protocols that
// leave TLS when it has shown who they are. The caller owns both.
//
// It fails with ErrMidRecord if the layer above has read a part of a record,
// and with the error of the write if something was held and could not leave;
// then nothing changes. It waits for calls under way. Deadlines stay as they
// are. Every later call, Close too, fails with net.ErrClosed.
func (c *CoalesceConn) Detach() (raw net.Conn, unread []byte, err error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	switch {
	case c.closed.Load():
		return nil, nil, errClosed
	case c.in.midRecord():
		return nil, nil, ErrMidRecord
	}
	if err := c.out.flush(c.raw); err != nil {
		return nil, nil, err
	}
	c.closed.Store(true)
	if ahead := c.in.buf[c.in.head:c.in.tail]; len(ahead) > 0 {
		unread = append([]byte(nil), ahead...)
	}
	c.in.drop()
	return c.raw, unread, nil
}

// errClosed is what every call fails with after Close or Detach.
var errClosed = fmt.Errorf("vecio: connection closed: %w", net.ErrClosed)

// Close closes the connection below. What is held is lost, as it is to any
// Write that Close overtakes; crypto/tls lets its own close wait for what
// matters. Calls under way, and all later ones, fail with net.ErrClosed.
func (c *CoalesceConn) Close() error { return c.end(net.Conn.Close) }

// Abort closes the connection below so that its peer sees a reset.
func (c *CoalesceConn) Abort() error { return c.end(peel.Abort) }

func (c *CoalesceConn) end(closeRaw func(net.Conn) error) error {
	if c.closed.Swap(true) {
		return errClosed
	}
	err := closeRaw(c.raw)
	c.in.release()
	c.out.release()
	return err
}

// LocalAddr is that of the connection below.
func (c *CoalesceConn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr is that of the connection below.
func (c *CoalesceConn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *CoalesceConn) SetDeadline(t time.Time) error {
	c.out.urgent.Store(true)
	if c.closed.Load() {
		return errClosed
	}
	return c.raw.SetDeadline(t)
}

// SetReadDeadline sets the read deadline of the connection below. A Read that
// misses it loses nothing.
func (c *CoalesceConn) SetReadDeadline(t time.Time) error {
	if c.closed.Load() {
		return errClosed
	}
	return c.raw.SetReadDeadline(t)
}

// SetWriteDeadline sets the write deadline of the connection below. What is
// held is written under the deadline that is in force then.
func (c *CoalesceConn) SetWriteDeadline(t time.Time) error {
	c.out.urgent.Store(true)
	if c.closed.Load() {
		return errClosed
	}
	return c.raw.SetWriteDeadline(t)
}

// CoalesceStats tells what a CoalesceConn did.
type CoalesceStats struct {
	Reads, Writes           int64 // of the connection below, that moved bytes
	BytesRead, BytesWritten int64
}

// Stats returns what the CoalesceConn did so far.
func (c *CoalesceConn) Stats() CoalesceStats {
	return CoalesceStats{
		Reads:        c.in.reads.Load(),
		Writes:       c.out.writes.Load(),
		BytesRead:    c.in.bytes.Load(),
		BytesWritten: c.out.bytes.Load(),
	}
}

var _ net.Conn = (*CoalesceConn)(nil)
