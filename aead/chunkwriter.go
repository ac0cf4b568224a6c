package aead

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/fused"
	"github.com/headrace-go/headrace/internal/growth"
)

// A ChunkWriter writes a stream of chunks: it seals as many as fit one buffer
// and sends them by one write. It holds a buffer only during a write.
//
// Methods may be called by several goroutines: chunks are not torn, and what
// one Write or Writev is given goes out together.
//
// A write that misses its deadline leaves sealed bytes behind that could not
// be sealed again. They are kept, count as written, and go out in front of
// the next write or by CloseWrite. Every other error ends the stream, and
// comes again with each later call.
type ChunkWriter struct {
	mu     sync.Mutex // held while a burst is sealed and sent
	closed atomic.Bool

	dst io.Writer

	start      func() (prefix []byte, s *Sealer, err error)
	prefix     []byte
	sealer     *Sealer
	first      func(length int) (header []byte, err error)
	framing    Framing
	maxPayload int
	maxBurst   int
	final      bool // the last record is sealed
	err        error

	pool Pool
	win  growth.Window
	one  [1][]byte
	out  burst.Departures

	fillMu sync.Mutex // held by ReadFrom
	fill   growth.Window

	sealed burst.Count
}

// NewChunkWriter returns a ChunkWriter that writes to dst, a net.Conn for
// example. The error matches ErrConfig.
func NewChunkWriter(dst io.Writer, cfg ChunkConfig) (*ChunkWriter, error) {
	w := new(ChunkWriter)
	if err := cfg.normalize(); err != nil {
		return nil, err
	}
	if err := w.init(dst, &cfg); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *ChunkWriter) init(dst io.Writer, cfg *ChunkConfig) error {
	if cfg.Seal == nil {
		return fmt.Errorf("%w: writing needs Seal", ErrConfig)
	}
	w.dst = dst
	w.out.Init(dst, cfg.Pool)
	w.start, w.first, w.framing = cfg.Seal, cfg.First, cfg.Framing
	w.maxPayload, w.maxBurst = cfg.MaxPayload, cfg.MaxBurst
	w.pool, w.win, w.fill = cfg.Pool, cfg.window(), cfg.window()
	return nil
}

// Write seals p into a buffer, up to MaxBurst bytes at a time, and sends that
// by one write, together with the prefix if it is the first. It neither
// changes nor keeps p. It returns how many bytes of p were sent, or are kept
// to be sent after a missed deadline. It allocates nothing but what the AEAD
// does (TestStreamAllocs).
func (w *ChunkWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.unlock()
	w.one[0] = p
	n, err := w.writev(w.one[:])
	w.one[0] = nil
	return int(n), err
}

// Writev is Write of all of bufs, in their order. Every slice begins a chunk
// of its own. Writev neither changes nor keeps bufs.
func (w *ChunkWriter) Writev(bufs [][]byte) (int64, error) {
	w.mu.Lock()
	defer w.unlock()
	return w.writev(bufs)
}

func (w *ChunkWriter) writev(bufs [][]byte) (int64, error) {
	var total int64
	cur := cursor{bufs: bufs}
	for cur.skipEmpty(); len(cur.bufs) > 0; cur.skipEmpty() {
		if err := w.ready(); err != nil {
			return total, err
		}
		n, err := w.burst(&cur)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// A cursor is a place in several slices.
type cursor struct {
	bufs [][]byte
	skip int // bytes of bufs[0] that are behind
}

func (c *cursor) skipEmpty() {
	for len(c.bufs) > 0 && c.skip == len(c.bufs[0]) {
		c.bufs, c.skip = c.bufs[1:], 0
	}
}

// sealedSize is how long what is left becomes, up to limit.
func (c *cursor) sealedSize(maxPayload, overhead, limit int) int {
	size, skip := 0, c.skip
	for _, b := range c.bufs {
		n := min(len(b)-skip, limit) // its overhead might not fit an int
		skip = 0
		size += n + (n+maxPayload-1)/maxPayload*overhead
		if size >= limit {
			return limit
		}
	}
	return size
}

// shortChunk is the payload below which a chunk is not begun, unless it is
// the whole of what there is: a burst may rather leave some room unused.
const shortChunk = 1 << 10

// burst seals what fits one buffer, and sends it.
func (w *ChunkWriter) burst(cur *cursor) (int64, error) {
	limit := w.maxBurst
	if len(w.prefix) > 0 {
		limit = growth.Floor // send moves this behind the prefix
	}
	buf := w.win.Get(cur.sealedSize(w.maxPayload, w.framing.overhead(), limit))
	wire := buf[:0]
	var total int64
	var sealErr error
	for cur.skipEmpty(); len(cur.bufs) > 0; cur.skipEmpty() {
		payload := cur.bufs[0][cur.skip:]
		room := len(buf) - len(wire) - w.framing.overhead()
		n := min(len(payload), w.maxPayload, room)
		if n < len(payload) && n < min(shortChunk, w.maxPayload) {
			break
		}
		out, err := w.sealNext(wire, payload[:n])
		if err != nil {
			sealErr = err
			break
		}
		wire = out
		cur.skip += n
		total += int64(n)
		w.sealed.Note(n)
	}
	sent, err := w.send(&w.win, buf, wire)
	if !sent {
		total = 0
	}
	if err == nil && sealErr != nil {
		w.err, err = sealErr, sealErr
	}
	return total, err
}

// sealNext appends one record to wire. A payload in place lies where the
// framing has it; the first one, if w.first precedes it, at the end of wire.
func (w *ChunkWriter) sealNext(wire, payload []byte) ([]byte, error) {
	switch {
	case w.framing == Records:
		return w.sealer.SealRecord(wire, payload, false)
	case w.first == nil:
		return w.sealer.SealChunk(wire, payload)
	}
	header, err := w.first(len(payload))
	if err != nil {
		return nil, fmt.Errorf("aead: start of chunk stream: %w", err)
	}
	w.first = nil
	if w.prefix, err = w.sealer.Seal(slices.Clip(w.prefix), header, nil); err != nil {
		return nil, err
	}
	return w.sealer.Seal(wire, payload, nil)
}

// ready makes the stream fit to send the next chunk. After any error but a
// missed deadline there is no more to seal.
func (w *ChunkWriter) ready() error {
	if err := w.ended(); err != nil {
		return err
	}
	if w.final {
		return errClosed
	}
	if w.sealer == nil {
		prefix, s, err := w.start()
		if err == nil && s == nil {
			err = errors.New("no Sealer")
		}
		if err != nil {
			w.err = fmt.Errorf("aead: start of chunk stream: %w", err)
			return w.err
		}
		w.prefix, w.sealer, w.start = prefix, s, nil
	}
	return w.flush()
}

// ended returns the error that ended the stream.
func (w *ChunkWriter) ended() error {
	if w.closed.Load() {
		w.err = errClosed
	}
	return w.err
}

// CloseWrite sends what a missed deadline left behind, and hands the end of
// the stream on, if the destination has CloseWrite. Otherwise the error
// matches errors.ErrUnsupported. A stream of Chunks that nothing was written to
// ends without its prefix.
//
// In Records, CloseWrite sends the last record, whatever the destination has,
// and later writes fail with an error that matches net.ErrClosed.
func (w *ChunkWriter) CloseWrite() error {
	w.mu.Lock()
	defer w.unlock()
	if err := w.ended(); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.finish(); err != nil {
		return err
	}
	cw, ok := w.dst.(interface{ CloseWrite() error })
	if !ok && w.framing == Records {
		return nil
	}
	if !ok {
		return fmt.Errorf("aead: CloseWrite of %T: %w", w.dst, errors.ErrUnsupported)
	}
	return cw.CloseWrite()
}

// finish seals and sends the last record, if the framing has one.
func (w *ChunkWriter) finish() error {
	if w.framing != Records || w.final {
		return nil
	}
	if err := w.ready(); err != nil {
		return err
	}
	buf := w.win.Get(RecordOverhead)
	wire, err := w.sealer.SealRecord(buf[:0], nil, true)
	if err != nil {
		w.win.Put(buf)
		w.err = err
		return err
	}
	w.final = true
	_, err = w.send(&w.win, buf, wire)
	return err
}

// Stats returns what was sealed so far.
func (w *ChunkWriter) Stats() ChunkStats { return chunkStats(&w.sealed) }

// Trim is ChunkReader.Trim, for what is written.
func (w *ChunkWriter) Trim() {
	if w.mu.TryLock() {
		if w.sealer != nil {
			fused.Trim(w.sealer.aead)
		}
		w.unlock()
	}
}

// close lets go of all memory, or has the method that is running do so.
func (w *ChunkWriter) close() {
	w.closed.Store(true)
	if w.mu.TryLock() {
		w.unlock()
	}
}

// unlock ends a method, and lets go of the memory that it is the last to use.
func (w *ChunkWriter) unlock() {
	w.tidy()
	w.mu.Unlock()
	// A close that came after tidy found the lock taken.
	if w.closed.Load() && w.mu.TryLock() {
		w.tidy()
		w.mu.Unlock()
	}
}

func (w *ChunkWriter) tidy() {
	w.sealed.Publish()
	if w.err != nil || w.closed.Load() {
		w.out.Forget()
	}
}
