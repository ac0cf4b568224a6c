package tlsrecord

import (
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/growth"
)

// A writer is the writing half of a Conn.
type writer struct {
	mu     sync.Mutex // held while a batch is sealed and sent
	closed atomic.Bool

	sealing
	raw   net.Conn
	sizes sizes
	batch int // bytes on the wire that leave together
	corks int
	shut  bool // close_notify is sealed
	err   error

	win growth.Window
	one [1][]byte
	buf []byte // lent by win; nil while nothing is sealed, or anything is waiting
	n   int    // buf[:n] is sealed and not sent
	out burst.Departures

	answer  atomic.Bool // the peer has asked for a new key
	alarmed atomic.Pointer[alarm]
	expiry  burst.Deadline

	fillMu sync.Mutex // held by readFrom
	fill   growth.Window

	sealed  burst.Count
	writes  atomic.Int64
	updates atomic.Int64
}

// updateSize is the length of a record that changes the key.
const updateSize = messageHeader + 1 + overhead

func (w *writer) init(c *Conn, h *handshake, k keys, seq uint64) error {
	w.raw = c.raw
	w.sizes = newSizes(h.used.DynamicRecordSizingDisabled, h.cfg.SmallFirst)
	w.batch = h.cfg.Batch / maxPlain * maxRecord
	w.out.Init(c.raw, h.cfg.Pool)
	w.win = growth.New(h.cfg.Pool, h.cfg.Budget, h.cfg.Batch)
	w.fill = growth.New(h.cfg.Pool, h.cfg.Budget, h.cfg.MaxBurst)
	return w.start(k, seq)
}

// write is Conn.Write.
func (w *writer) write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.unlock()
	w.one[0] = p
	n, err := w.writeAll(w.one[:])
	w.one[0] = nil
	return int(n), err
}

// writev is Conn.Writev.
func (w *writer) writev(bufs [][]byte) (int64, error) {
	w.mu.Lock()
	defer w.unlock()
	return w.writeAll(bufs)
}

// writeAll seals and sends bufs, a batch at a time, or keeps them sealed under
// a cork. It counts a batch when that has left.
func (w *writer) writeAll(bufs [][]byte) (total int64, err error) {
	src := source{bufs: bufs}
	left := src.size()
	if left == 0 {
		return 0, w.open()
	}
	if err := w.expired(); err != nil {
		return 0, err
	}
	for sealed := 0; ; {
		if left == 0 {
			return total + int64(sealed), nil
		}
		w.begin(left)
		if err := w.ready(1); err != nil {
			return total, err
		}
		n := min(left, w.sizes.next(), len(w.buf)-w.n-overhead)
		if n < min(left, shortRecord) {
			if _, err := w.send(); err != nil { // of nothing that is counted
				return total, err
			}
			continue
		}
		src.read(w.buf[w.n+headerSize:][:n])
		k, err := w.seal(w.buf[w.n:], n, typeApplication)
		if err != nil {
			return total, w.fail(err)
		}
		w.n += k
		w.sizes.note(n)
		w.sealed.Note(n)
		left -= n
		sealed += n
		if w.n+shortRecord < w.batch && (left > 0 || w.corks > 0) && w.n+shortRecord+overhead <= len(w.buf) {
			continue
		}
		sent, err := w.send()
		if sent {
			total, sealed = total+int64(sealed), 0
		}
		if err != nil {
			return total, err
		}
	}
}

// shortRecord is the content below which a record is not begun, unless it is
// the whole of what there is: a batch may rather leave some room unused.
const shortRecord = 1 << 10

// begin sees to it that there is a buffer, for so many bytes of content if the
// budget has them.
func (w *writer) begin(left int) {
	if w.buf != nil {
		return
	}
	size := w.batch + updateSize
	if per := w.sizes.next(); w.corks == 0 && left < w.batch {
		size = min(size, left+(left/per+1)*overhead+updateSize)
	}
	w.buf = w.win.Get(size)
}

// ready makes the writer fit to seal the next records.
func (w *writer) ready(records uint64) error {
	if err := w.open(); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	if w.left >= records && !w.answer.Load() {
		return nil
	}
	return w.change(updateNotRequested)
}

// change goes over to the next key: RFC 8446, section 4.6.3.
func (w *writer) change(request byte) error {
	if w.buf == nil {
		w.buf = w.win.Get(updateSize)
	}
	if len(w.buf)-w.n < updateSize {
		if _, err := w.send(); err != nil {
			return err
		}
		return w.change(request)
	}
	b, err := w.sealUpdate(w.buf[:w.n], request)
	if err != nil {
		return err
	}
	w.n = len(b)
	return nil
}

// sealUpdate appends the record that changes the key to b, which has room.
func (w *writer) sealUpdate(b []byte, request byte) ([]byte, error) {
	w.answer.Store(false)
	b, err := w.append(b, typeHandshake, messageKeyUpdate, 0, 0, 1, request)
	if err == nil {
		err = w.sealing.next()
	}
	if err != nil {
		return nil, w.fail(err)
	}
	w.updates.Add(1)
	return b, nil
}

// update is Conn.UpdateKey. It is the answer as well, if one is owed.
func (w *writer) update(request byte) error {
	w.mu.Lock()
	defer w.unlock()
	if err := w.open(); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.change(request); err != nil {
		return err
	}
	if w.corks > 0 {
		return nil
	}
	_, err := w.send()
	return err
}

func (w *writer) cork() {
	w.mu.Lock()
	w.corks++
	w.unlock()
}

func (w *writer) uncork() error {
	w.mu.Lock()
	defer w.unlock()
	if w.corks == 0 {
		panic("tlsrecord: Uncork without Cork")
	}
	if w.corks--; w.corks > 0 {
		return w.err
	}
	if err := w.ended(); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	_, err := w.send()
	return err
}

// expired keeps a write that could not send anything from sealing: what is
// sealed counts as written.
func (w *writer) expired() error {
	if w.expiry.Passed() && !w.closed.Load() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// ended returns the error that ended the writing.
func (w *writer) ended() error {
	if w.closed.Load() {
		w.err = errClosed
	}
	return w.err
}

// open returns why nothing can be written any more.
func (w *writer) open() error {
	if err := w.ended(); err != nil || !w.shut {
		return err
	}
	return errShut
}

// fail ends the writing.
func (w *writer) fail(err error) error {
	if w.closed.Load() {
		err = errClosed
	}
	w.err = err
	return err
}

// closeWrite is Conn.CloseWrite.
func (w *writer) closeWrite() error {
	w.mu.Lock()
	defer w.unlock()
	if err := w.ended(); err != nil {
		return err
	}
	return w.finish()
}

// farewellTime bounds how long the alert that ends a stream may take to leave.
// crypto/tls gives it as much.
const farewellTime = 5 * time.Second

// finish sends the alert that ends the stream, once.
func (w *writer) finish() error {
	if w.shut && !w.out.Waiting() {
		return nil
	}
	until := time.Now().Add(farewellTime)
	w.expiry.Set(until)
	_ = w.raw.SetWriteDeadline(until) // if that fails, so does the write
	if err := w.flush(); err != nil || w.shut {
		return err
	}
	if err := w.sealAlert(levelWarning, alertCloseNotify); err != nil {
		return err
	}
	w.shut = true
	_, err := w.send()
	return err
}

// farewell is finish for a connection that is about to be closed. It waits for
// nobody who writes, nor for a peer that has not taken what was written. A peer
// that is gone already makes no difference.
func (w *writer) farewell() error {
	if !w.mu.TryLock() {
		return nil
	}
	defer w.unlock()
	if w.ended() != nil || w.shut || w.out.Waiting() {
		return nil
	}
	if err := w.finish(); isTimeout(err) {
		return fmt.Errorf("tlsrecord: the alert that ends the stream was not sent, but the connection was closed: %w", err)
	}
	return nil
}

// close lets go of all memory, or has the method that is running do so.
func (w *writer) close() {
	w.closed.Store(true)
	if w.mu.TryLock() {
		w.unlock()
	}
}

// unlock ends a method, lets go of the memory that it is the last to use, and
// does what others could not do meanwhile.
func (w *writer) unlock() {
	w.tidy()
	w.mu.Unlock()
	for (w.closed.Load() || w.alarmed.Load() != nil) && w.mu.TryLock() {
		w.tidy()
		w.mu.Unlock()
		if w.alarmed.Load() == nil {
			return
		}
	}
}

func (w *writer) tidy() {
	w.sealed.Publish()
	w.sound()
	over := w.err != nil || w.closed.Load()
	if over {
		w.keys.wipe()
		w.cipher, w.sealer = nil, nil
		w.n = 0
		w.out.Forget()
	}
	if w.n == 0 && w.buf != nil {
		w.win.Put(w.buf)
		w.buf = nil
	}
}
