package tlsrecord

import (
	"bytes"
	"encoding/binary"
	"net"
	"sync/atomic"

	"github.com/headrace-go/headrace/internal/growth"
)

// A phase is what a feeder is to the tls.Conn above it.
type phase int32

const (
	// In the handshake no Read crosses the end of a record, so that tls.Conn
	// has read nothing of the record that follows the last one that it used.
	handshaking phase = iota
	// A feeder that passes is a connection like any other.
	passing
	// Once the records are taken over, tls.Conn reads what it is fed with, and
	// what it writes goes nowhere: it seals under the same key as we do, and
	// would use nonces a second time.
	taken
)

// A feeder is the connection under a tls.Conn.
type feeder struct {
	net.Conn
	side  int // byClient or byServer
	phase atomic.Int32
	pool  growth.Pool

	buf  []byte // of pool; nil while nothing is ahead
	r, w int    // buf[r:w] is ahead of tls.Conn
	left int    // of the record that is being read
	err  error  // of a read that brought bytes too

	log   secretLog
	trial *trial // looks for our own first records

	fed []byte // what tls.Conn is to read once the records are taken over
}

func newFeeder(raw net.Conn, side int, pool growth.Pool) *feeder {
	return &feeder{Conn: raw, side: side, pool: pool}
}

// Read reads from the connection below, up to the end of a record.
func (f *feeder) Read(p []byte) (int, error) {
	switch phase(f.phase.Load()) {
	case taken:
		return f.readFed(p)
	case passing:
		if n := f.take(p); n > 0 {
			return n, nil
		}
		if f.err != nil {
			return 0, f.err
		}
		return f.Conn.Read(p)
	}
	for f.left == 0 {
		if ahead := f.buf[f.r:f.w]; len(ahead) >= headerSize {
			f.left = headerSize + int(binary.BigEndian.Uint16(ahead[3:]))
			break
		}
		if f.err != nil {
			return 0, f.err
		}
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	if f.r == f.w {
		if f.err != nil {
			return 0, f.err
		}
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	n := f.take(p[:min(len(p), f.left)])
	f.left -= n
	return n, nil
}

// fill reads what comes next. An error that comes along with bytes is told
// after them.
func (f *feeder) fill() error {
	if f.buf == nil {
		f.buf = f.pool.Get(growth.Least)
	} else if f.r > 0 {
		f.w = copy(f.buf, f.buf[f.r:f.w])
		f.r = 0
	}
	n, err := f.Conn.Read(f.buf[f.w:])
	f.w += n
	if n == 0 {
		f.drop()
		return err
	}
	f.err = err
	return nil
}

// take moves what is ahead to p.
func (f *feeder) take(p []byte) int {
	n := copy(p, f.buf[f.r:f.w])
	f.r += n
	f.drop()
	return n
}

// drop gives the buffer back if it is empty.
func (f *feeder) drop() {
	if f.r == f.w {
		if f.buf != nil {
			f.pool.Put(f.buf)
		}
		f.buf, f.r, f.w = nil, 0, 0
	}
}

// Write writes to the connection below.
func (f *feeder) Write(p []byte) (int, error) {
	switch phase(f.phase.Load()) {
	case taken:
		return len(p), nil
	case handshaking:
		if f.trial == nil {
			f.trial = f.log.trial(f.side)
		}
		f.trial.look(p)
	}
	return f.Conn.Write(p)
}

// Close closes the connection below, unless it is not tls.Conn's any more.
func (f *feeder) Close() error {
	if phase(f.phase.Load()) == taken {
		return nil
	}
	return f.Conn.Close()
}

// pass makes the feeder a connection like any other.
func (f *feeder) pass() {
	f.log.wipe()
	f.trial.wipe()
	f.trial = nil
	f.phase.Store(int32(passing))
}

// takeOver cuts tls.Conn off, and returns what has been read ahead of it.
func (f *feeder) takeOver() (ahead []byte, err error) {
	f.phase.Store(int32(taken))
	f.log.wipe()
	f.trial.wipe()
	f.trial = nil
	ahead = bytes.Clone(f.buf[f.r:f.w])
	f.r = f.w
	f.drop()
	return ahead, f.err
}

// readFed reads what tls.Conn is fed with, record by record.
func (f *feeder) readFed(p []byte) (int, error) {
	if len(f.fed) == 0 {
		return 0, errHungry
	}
	if f.left == 0 {
		f.left = headerSize + int(binary.BigEndian.Uint16(f.fed[3:]))
	}
	n := copy(p[:min(len(p), f.left)], f.fed)
	f.fed = f.fed[n:]
	f.left -= n
	return n, nil
}

// errHungry ends a Read of tls.Conn that was fed with too little.
var errHungry net.Error = hungryError{}

type hungryError struct{}

func (hungryError) Error() string   { return "tlsrecord: nothing to be read any more" }
func (hungryError) Timeout() bool   { return true }
func (hungryError) Temporary() bool { return true }
