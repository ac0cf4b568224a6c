package h2mux

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/headrace-go/headrace/internal/readiness"
	"github.com/headrace-go/headrace/internal/vec"
	"github.com/headrace-go/headrace/mux"
)

// A Session is one side of an HTTP/2 connection. It has two goroutines, which
// end with it, and is safe for concurrent use.
type Session struct {
	conn    net.Conn
	client  bool
	cfg     Config
	pool    Pool
	direct  bool // payloads are written from their owners' memory
	out     *vec.Writer
	in      *readiness.Socket
	cork    corker // nil: none
	gathers bool   // the connection makes records of whatever one Write brings

	floor, maxWindow int64 // of a stream's window for receiving
	pinned           atomic.Int64

	readerDone chan struct{}
	done       chan struct{}

	// mu guards everything below, and the streams. It is never held across a
	// call that may block.
	mu      sync.Mutex
	err     error // why the session has ended
	polite  bool  // the peer is to be told, and everything before that is to be sent
	streams map[uint32]*Stream
	open    int // streams that count against the limit of who opens them
	stats   Stats
	wakes   []func() // to be called when mu is free

	// Opening and accepting.
	nextID    uint32 // of a client's streams
	peerLimit int    // how many streams the peer lets us open
	slots     sync.Cond
	peerLast  uint32    // the largest id of a stream that the peer has opened
	backlog   []*Stream // opened by the peer and not accepted yet
	arrived   sync.Cond
	recent    recent
	lingering int
	lingerer  *time.Timer

	// Receiving.
	parse    parser
	settled  bool // the peer's first SETTINGS have come
	current  *Stream
	readers  bool // several streams are being received; the reader's own
	header   header
	decoder  *hpack.Decoder
	flight   flight
	queuedIn int64 // what streams have received and nobody has read
	limits   limits
	connect  bool // the peer allows extended CONNECT
	heard    uint32
	rtt      rtt
	alive    keepAlive
	calls    map[uint64]pendingPing // by their numbers; nil before the first

	// Sending.
	encoder    *hpack.Encoder
	encoded    bytes.Buffer
	window     int64 // what we may still send on the connection
	initial    int64 // what we may send on a stream at first
	peerMax    int   // the longest payload that the peer accepts
	frameMax   int   // the longest that we send
	queued     int   // bytes that writers wait to get rid of
	sched      scheduler
	control    []byte // frames other than DATA, to be sent first; from the pool
	sending    []byte // what of them is being sent
	carry      []byte // what an interrupted write has left over
	carryBuf   []byte
	leading    bool // somebody writes
	leader     *Stream
	inFlight   bool // in a system call, from borrowed memory
	kicked     bool // and was told to come back
	flushBy    time.Time
	unwritable error       // why nothing can be sent any more, if so
	lastWord   *time.Timer // bounds how long the peer is listened to then
	unshaken   func()      // ends the handshake that is under way
	flush      sync.Cond

	drain drain

	events uint32 // for check
}

// corker is what a connection under TLS has that can merge records.
type corker interface {
	Cork()
	Uncork() error
}

// Client returns the side of c that opens streams. It owns c from then on, and
// does not wait for the peer. If it fails, c is left alone.
func Client(c net.Conn, cfg Config) (*Session, error) { return newSession(c, cfg, true) }

// Server returns the side of c that accepts streams. It owns c from then on,
// and does not wait for the peer. If it fails, c is left alone.
func Server(c net.Conn, cfg Config) (*Session, error) { return newSession(c, cfg, false) }

func newSession(c net.Conn, cfg Config, client bool) (*Session, error) {
	if c == nil {
		return nil, errors.New("h2mux: no connection")
	}
	if err := cfg.normalize(); err != nil {
		return nil, err
	}
	s := &Session{
		conn: c, client: client, cfg: cfg, pool: cfg.Pool,
		floor: int64(cfg.Window), maxWindow: int64(cfg.MaxWindow),
		readerDone: make(chan struct{}), done: make(chan struct{}),
		streams: make(map[uint32]*Stream),
		nextID:  1, peerLimit: assumedLimit,
		flight: flight{left: flightFloor, target: flightFloor},
		limits: newLimits(),
		window: defaultWindow, initial: defaultWindow, peerMax: defaultMaxFrame,
	}
	s.slots.L, s.arrived.L, s.flush.L, s.drain.quiet.L = &s.mu, &s.mu, &s.mu, &s.mu
	if !cfg.portable {
		s.bind(c)
	}
	s.cork = corkOf(c)
	_, s.gathers = c.(gatherer)
	s.sched.wide = s.cork != nil // anything else sends record by record
	if s.aligns() {
		s.sched.short = quantum - recordData
	}
	s.parse = parser{pool: s.pool, max: s.recvMax()}
	s.decoder = hpack.NewDecoder(tableSize, s.header.add)
	s.decoder.SetMaxStringLength(cfg.MaxHeaderBytes)
	s.header.limit = cfg.MaxHeaderBytes
	s.encoder = hpack.NewEncoder(&s.encoded)
	s.setFrameMax()
	s.greet()
	go s.reader()
	go s.flusher()
	return s, nil
}

const (
	// assumedLimit stands in for what the peer has not said yet.
	assumedLimit = 100
	tableSize    = 4096
)

// bind finds the socket under c, for the fast paths.
func (s *Session) bind(c net.Conn) {
	out, ok := vec.WriterOf(c)
	if !ok {
		return
	}
	in, ok := readiness.Of(c)
	if !ok {
		return
	}
	s.out, s.in, s.direct = out, in, true
}

// corkOf finds a corker in c or under its TLS.
func corkOf(c net.Conn) corker {
	if k, ok := c.(corker); ok {
		return k
	}
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		if k, ok := t.NetConn().(corker); ok {
			return k
		}
	}
	return nil
}

// recvMax is the longest payload that we let the peer send. Long frames save
// work on a socket; anywhere else one should fill a TLS record.
func (s *Session) recvMax() int {
	if s.direct || s.gathers {
		return longFrame
	}
	return defaultMaxFrame
}

// longFrame is how long frames are where nothing is gained by one that fits a TLS
// record.
const longFrame = 64 << 10

// aligns reports whether frames are made to fill TLS records, which are those of
// single Writes.
func (s *Session) aligns() bool { return !s.direct && !s.gathers }

// setFrameMax adapts the length of what is sent to what the peer accepts.
func (s *Session) setFrameMax() {
	s.frameMax = min(s.peerMax, longFrame)
	if s.aligns() {
		s.frameMax = min(s.peerMax, recordData)
	}
}

// greet queues what a connection begins with.
func (s *Session) greet() {
	settings := []setting{
		{settingWindow, uint32(s.floor)},
		{settingMaxFrame, uint32(s.recvMax())},
		{settingMaxHeaderList, uint32(s.cfg.MaxHeaderBytes)},
		{settingNoPriorities, 1},
	}
	if s.client {
		s.reserve(len(preface))
		s.control = append(s.control, preface...)
		settings = append(settings, setting{settingPush, 0})
	} else {
		settings = append(settings, setting{settingMaxStreams, uint32(s.cfg.MaxStreams)})
		if s.cfg.ExtendedConnect {
			settings = append(settings, setting{settingConnect, 1})
		}
	}
	s.sendSettings(settings...)
	s.rtt.sent = time.Now()
	s.sendWindowUpdate(0, s.flight.left-defaultWindow)
}

// fail ends the session for the first cause it is told. The lock is held.
func (s *Session) fail(err error) {
	if s.err != nil {
		return
	}
	s.err = err
	for _, st := range s.streams {
		st.cutOff(err)
		if st.closed {
			s.abandon(&st.win)
		}
	}
	for _, st := range s.backlog {
		st.closeLocked()
	}
	s.backlog = nil
	s.alive.stop()
	if s.lastWord != nil {
		s.lastWord.Stop()
	}
	if s.lingerer != nil {
		s.lingerer.Stop()
	}
	s.slots.Broadcast()
	s.arrived.Broadcast()
	s.drain.quiet.Broadcast()
	s.flushBy = time.Now().Add(farewell)
	s.interrupt()
	if s.unshaken != nil {
		s.unshaken()
	}
	if !s.kicked {
		_ = s.conn.SetWriteDeadline(s.flushBy)
	}
	s.flush.Broadcast()
}

// farewell bounds how long a session that ends waits for its peer.
const farewell = time.Second

// finish is the last act of the flusher. The lock is held.
func (s *Session) finish() {
	for s.leading {
		s.flush.Wait()
	}
	polite := s.polite && s.unwritable == nil
	s.leading = true
	for polite && s.hasWork() {
		if err := s.writeOne(false); err != nil {
			polite = false
		}
	}
	s.mu.Unlock()
	if polite {
		// Closing while bytes are on their way to here would reset the
		// connection, and could destroy what was sent last.
		if c, ok := s.conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
			if s.conn.SetReadDeadline(s.flushBy) == nil {
				<-s.readerDone
			}
		}
	}
	_ = s.conn.Close()
	<-s.readerDone
	s.mu.Lock()
	s.shedControl()
	s.putSending()
	s.putCarry()
	s.parse.close()
	s.header.close(s.pool)
	close(s.done)
}

// Done returns a channel that is closed when the session has ended, its
// goroutines have, and the connection is closed.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err returns why the session has ended, nil while it has not; see mux.Session.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the session at once, with all its streams.
func (s *Session) Close() error { return s.CloseWithError(mux.NoError, "") }

// CloseWithError ends the session at once, with all its streams, and tells the
// peer why. It waits until both goroutines have ended, for a second at most.
func (s *Session) CloseWithError(code mux.Code, reason string) error {
	if err := checkCode(code); err != nil {
		return err
	}
	s.mu.Lock()
	if s.err == nil {
		s.sendGoAway(s.peerLast, code, reason)
		s.polite = true
		if code == mux.NoError && reason == "" {
			s.fail(mux.ErrClosed)
		} else {
			s.fail(&mux.SessionError{Code: code, Reason: reason})
		}
	}
	s.unlock()
	<-s.done
	return nil
}

// LocalAddr returns the local address of the connection.
func (s *Session) LocalAddr() net.Addr { return s.conn.LocalAddr() }

// RemoteAddr returns the peer's address of the connection.
func (s *Session) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// Load returns how busy the session is.
func (s *Session) Load() mux.Load {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := mux.Load{
		Streams:  s.open,
		Queued:   int64(s.queued),
		Bytes:    int64(s.stats.BytesSent + s.stats.BytesReceived),
		RTT:      s.rtt.smooth,
		Draining: s.err != nil || s.drain.started || s.drain.told,
	}
	if s.client {
		l.Limit = s.peerLimit
		l.Left = max(0, (maxID-int64(s.nextID))/2+1-int64(s.drain.unnumbered))
		l.Draining = l.Draining || l.Left == 0
	}
	return l
}

// ended says how the end of the connection is to be understood.
func (s *Session) ended(err error) error {
	if e, ok := errors.AsType[*mux.SessionError](err); ok {
		return e // we found fault with what the peer sent
	}
	if err == io.EOF {
		clean := s.parse.idle() && s.settled && s.drain.code == mux.NoError
		for _, st := range s.streams {
			clean = clean && st.closed
		}
		if clean {
			return io.EOF
		}
		err = io.ErrUnexpectedEOF
	}
	return &mux.SessionError{Code: s.drain.code, Reason: s.drain.reason, Remote: true, Err: err}
}
