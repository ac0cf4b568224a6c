package vecio

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/headrace-go/headrace/internal/slab"
)

// Defaults of FlowTableConfig.
const (
	DefaultFlowIdleTimeout = 5 * time.Minute
	DefaultMaxFlows        = 4096
)

// FlowTableConfig configures a FlowTable. Open is needed, anything else may be
// zero. Its functions must not wait for anything, since all other flows wait
// for them, and must be safe for concurrent use. They keep no slice.
type FlowTableConfig struct {
	// Open makes the socket of a new flow towards its targets: a connected
	// one, or one that Up then names a target for with each datagram. The
	// table owns it.
	Open func(client netip.AddrPort) (*net.UDPConn, error)
	// Up turns a datagram of a client, of which it may use the memory, into
	// what is sent on, and tells where. What is returned is a part of
	// datagram, or was appended to dst, which has room for UpGrowth bytes more
	// than the datagram if UpGrowth is not zero, and is nil otherwise.
	//
	// An error drops the datagram, and makes no flow: so authenticate here. A
	// nil payload without an error does so too, and is not counted; Up has
	// perhaps a copy, for Send. Nil sends what comes.
	Up func(dst, datagram []byte, client netip.AddrPort) (payload []byte, target netip.AddrPort, err error)
	// UpGrowth is how much longer what Up appends may be than the datagram.
	UpGrowth int
	// Down turns what has come from source into a datagram for the flow's
	// client, as Up does. Nil sends what comes.
	Down func(dst, payload []byte, source netip.AddrPort) (datagram []byte, err error)
	// DownGrowth is how much longer what Down appends may be than the payload.
	DownGrowth int
	// IdleTimeout ends a flow on which nothing has moved either way for this
	// long. Zero means 5 minutes, which RFC 4787 recommends. Negative means
	// never.
	IdleTimeout time.Duration
	// MaxFlows bounds the flows, each of which is a socket. At the bound a new
	// flow takes the place of the one that was idle for longest among those
	// that were never answered, if these are a quarter of the table or more,
	// or else among those that were. Zero means 4096; negative is refused.
	MaxFlows int
	// Target configures the sockets that Open makes.
	Target BatchConfig
	// Parker waits for the sockets of flows on which nothing arrives. Nil
	// means a goroutine for each.
	Parker *Parker
	// Pool lends the buffers; it must be safe for concurrent use. Nil means
	// the process-wide slab.
	Pool interface {
		Get(n int) []byte
		Put(b []byte)
	}
}

func (cfg *FlowTableConfig) normalize() error {
	switch {
	case cfg.Open == nil:
		return errors.New("vecio: FlowTableConfig without Open")
	case cfg.MaxFlows < 0:
		return fmt.Errorf("vecio: FlowTableConfig.MaxFlows %d is negative", cfg.MaxFlows)
	case cfg.UpGrowth < 0 || cfg.DownGrowth < 0 || cfg.UpGrowth > maxGrowth || cfg.DownGrowth > maxGrowth:
		return fmt.Errorf("vecio: growth of %d and %d is not between 0 and %d", cfg.UpGrowth, cfg.DownGrowth, maxGrowth)
	}
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = DefaultFlowIdleTimeout
	}
	if cfg.MaxFlows == 0 {
		cfg.MaxFlows = DefaultMaxFlows
	}
	if cfg.Pool == nil {
		cfg.Pool = slab.Default()
	}
	return nil
}

// A FlowTable relays datagrams between the clients of one socket and their
// targets: it gives each client, which is a source address, a socket of its
// own, so that what comes back there can be sent back to it. It moves batches
// both ways, out of the slab in which they were received, and an idle flow
// holds its socket and about a kilobyte.
//
// One goroutine moves what comes from clients, while it comes, and one for each
// flow what comes back, while it comes; with a Parker there are none else, and
// one timer for all flows. Datagrams of a flow stay in order. All methods are
// safe for concurrent use.
type FlowTable struct {
	cfg     FlowTableConfig
	clients *Receiver
	start   time.Time

	mu     sync.Mutex
	index  flowIndex
	timer  *time.Timer // nil: no flow can expire
	closed bool
	cause  error // of the clients' socket

	sockets sync.WaitGroup // flows and the clients' socket that have not ended
	ended   chan struct{}  // the clients' socket has
	stats   flowCounters
}

// A udpFlow is one client and its socket.
type udpFlow struct {
	table    *FlowTable
	client   netip.AddrPort
	target   *Receiver
	answered bool
	used     int64 // when, in nanoseconds since the table's start

	newer, older *udpFlow // in its order
}

// NewFlowTable returns a FlowTable that serves the clients of c, which it owns
// from now on. If it fails c is the caller's.
func NewFlowTable(c *BatchConn, cfg FlowTableConfig) (*FlowTable, error) {
	if err := cfg.normalize(); err != nil {
		return nil, err
	}
	t := &FlowTable{cfg: cfg, start: time.Now(), index: newFlowIndex(cfg.MaxFlows), ended: make(chan struct{})}
	t.sockets.Add(1)
	t.mu.Lock() // what Receive starts waits for clients to be set
	defer t.mu.Unlock()
	t.clients = Receive(c, ReceiverConfig{
		Handle: t.fromClients,
		Ended:  t.clientsEnded,
		Parker: cfg.Parker,
		Pool:   cfg.Pool,
	})
	return t, nil
}

// Conn returns the socket of the clients.
func (t *FlowTable) Conn() *BatchConn { return t.clients.Conn() }

// Done is closed when the clients' socket has ended: by Close, or by an error,
// which Close then returns.
func (t *FlowTable) Done() <-chan struct{} { return t.ended }

func (t *FlowTable) clientsEnded(err error) {
	t.mu.Lock()
	if !t.closed {
		t.cause = err
	}
	t.mu.Unlock()
	close(t.ended)
	t.sockets.Done()
}

// Send sends payload from the flow of a client, which it makes if there is
// none, to target, for whoever could not tell at once where that is. It keeps
// no slice.
func (t *FlowTable) Send(client, target netip.AddrPort, payload []byte) error {
	f, err := t.flow(client)
	if err != nil {
		return err
	}
	_, err = t.sendUp(f, []Datagram{{Data: payload, Addr: target}})
	return err
}

// now is what flows are timed by.
func (t *FlowTable) now() int64 { return int64(time.Since(t.start)) }

// flow returns the flow of a client, a new one if need be.
func (t *FlowTable) flow(client netip.AddrPort) (*udpFlow, error) {
	now := t.now()
	t.mu.Lock()
	f, closed := t.index.find(client, now), t.closed
	t.mu.Unlock()
	if f != nil {
		return f, nil
	}
	if closed {
		return nil, net.ErrClosed
	}
	f, err := t.open(client)
	if err != nil {
		t.stats.openFailed.Add(1)
		return nil, err
	}
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		_ = f.target.Close()
		return nil, net.ErrClosed
	}
	if other := t.index.find(client, now); other != nil { // Send was faster
		t.mu.Unlock()
		_ = f.target.Close()
		return other, nil
	}
	evicted := t.index.add(f, now)
	t.arm()
	t.mu.Unlock()
	t.stats.opened.Add(1)
	if evicted != nil {
		t.stats.evicted.Add(1)
		_ = evicted.target.Close()
	}
	return f, nil
}

// open makes a flow that the index does not know.
func (t *FlowTable) open(client netip.AddrPort) (*udpFlow, error) {
	socket, err := t.cfg.Open(client)
	if err != nil {
		return nil, err
	}
	conn, err := NewBatchConn(socket, t.cfg.Target)
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	f := &udpFlow{table: t, client: client}
	t.sockets.Add(1)
	f.target = Receive(conn, ReceiverConfig{
		Handle: f.fromTarget,
		Ended:  f.targetEnded,
		Parker: t.cfg.Parker,
		Pool:   t.cfg.Pool,
	})
	return f, nil
}

// targetEnded comes after Close, or when the socket fails.
func (f *udpFlow) targetEnded(err error) {
	t := f.table
	t.mu.Lock()
	failed := t.index.remove(f)
	t.mu.Unlock()
	if failed {
		t.stats.failed.Add(1)
		_ = f.target.Close()
	}
	t.sockets.Done()
}

// arm sets the timer, unless it is set.
func (t *FlowTable) arm() {
	if t.cfg.IdleTimeout < 0 || t.timer != nil {
		return
	}
	t.timer = time.AfterFunc(t.cfg.IdleTimeout, t.expire)
}

// expire ends what has been idle for too long.
func (t *FlowTable) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	timeout := int64(t.cfg.IdleTimeout)
	now := t.now()
	for f := t.index.idle(now - timeout); f != nil; f = t.index.idle(now - timeout) {
		t.mu.Unlock()
		t.stats.expired.Add(1)
		_ = f.target.Close()
		t.mu.Lock()
		if t.closed {
			return
		}
	}
	if used, ok := t.index.oldest(); ok {
		t.timer.Reset(time.Duration(used + timeout - now))
	} else {
		t.timer = nil
	}
}

// Close closes all sockets and returns when everything has ended. It must not
// be called by the functions of FlowTableConfig. It returns the error that
// ended the clients' socket before, if any. A second Close fails with
// net.ErrClosed.
func (t *FlowTable) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return net.ErrClosed
	}
	t.closed = true
	if t.timer != nil {
		t.timer.Stop()
	}
	var flows []*udpFlow
	for _, f := range t.index.flows {
		flows = append(flows, f)
	}
	for _, f := range flows {
		t.index.remove(f)
	}
	t.mu.Unlock()
	_ = t.clients.Close() // fails if it has ended by itself
	for _, f := range flows {
		_ = f.target.Close()
	}
	t.sockets.Wait()
	return t.cause
}
