package connpool

import (
	"net"
	"sync/atomic"
	"time"
)

// A member is an open connection of a pool. What the core's lock guards is
// said so; the rest belongs to whoever has taken the member: the goroutine of
// a dial, of Get or Put, or the holder of the one live Conn.
type member struct {
	// Under the latch of the shard, and on one cache line:

	keyLink   link[member]  // in bucket.idle
	idleSince time.Duration // since the core's epoch, as all times
	uses      int           // times lent
	state     state
	_         [15]byte

	conn   net.Conn
	core   *core
	bucket *bucket
	probe  *probe // nil: nothing can be known about conn from outside
	born   time.Duration
	held   held
	epoch  int // of the bucket, when the dial began

	// While the pool is held:

	life      moment[member] // when it has to go; never, or in core.lives
	doom      Cause          // why it will be evicted when it is put back
	stopWatch func()
	openLink  link[member] // in core.members

	// Of an evicted one, until it is closed:

	next  *member // in core.doomed
	cause Cause
	err   error

	_ [32]byte // to four cache lines, so that the next member begins on one
}

// A state is where a member is.
type state uint8

const (
	stateNew  state = iota // dialed, not offered yet
	stateIdle              // in bucket.idle
	stateLent              // taken by Get; a Conn has it, or is about to
	stateGone              // being closed, closed or hijacked
)

// held is a byte that a look at an unused connection has read ahead: of a
// server that speaks first, under TLS. The first read gets it.
type held struct{ value atomic.Int32 } // the byte and 1<<8, or 0

func (h *held) put(b byte) { h.value.Store(1<<8 | int32(b)) }
func (h *held) any() bool  { return h.value.Load() != 0 }

// take moves the byte to b, which must not be empty.
func (h *held) take(b []byte) bool {
	if h.value.Load() == 0 {
		return false
	}
	v := h.value.Swap(0)
	if v == 0 {
		return false
	}
	b[0] = byte(v)
	return true
}

// close closes the connection. A layer's farewell is left out if the socket
// below could not take it without waiting: a peer that reads nothing would
// hold up whoever evicts.
func (m *member) close() {
	if m.probe != nil && m.probe.layered && !m.probe.writable() {
		_ = m.probe.sock.Conn.Close()
	}
	_ = m.conn.Close()
}
