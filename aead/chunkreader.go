package aead

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"

	"github.com/headrace-go/headrace/internal/burst"
	"github.com/headrace-go/headrace/internal/fused"
	"github.com/headrace-go/headrace/internal/growth"
	"github.com/headrace-go/headrace/internal/readiness"
)

// A ChunkReader reads a stream of chunks: one large read brings many, each is
// opened where it lies, and all payloads go on by one gathered write.
//
// Over a *net.TCPConn or *net.UnixConn, also under wrappers with
// TransparentConn, and over a layer with Step and Ready, a ChunkReader that
// waits holds at most the part of one chunk that has arrived, in the smallest
// buffer that holds it. Over any other reader it holds 16 KiB during a Read.
// A read that fills its buffer makes the next one larger, up to MaxBurst.
//
// Methods may be called by several goroutines; all but Stats take turns.
//
// Chunks with an empty payload are skipped. The end of the stream is io.EOF
// between two chunks, and ErrTruncated elsewhere; of a stream of Records it is
// io.EOF after the last one alone. ErrOpen, ErrTooLong, what
// Open of the ChunkConfig said, and every error of the source but a missed
// deadline end the stream: they come after all that was authentic, and again
// with each later call.
type ChunkReader struct {
	mu     sync.Mutex
	closed atomic.Bool // no method will be called any more
	ended  atomic.Bool // the reading side was closed by its owner

	start      func(prefix []byte) (*Opener, error)
	prefixSize int
	maxPayload int
	framing    Framing
	opener     *Opener
	err        error

	arrived burst.Delivery
	opened  burst.Count
}

// NewChunkReader returns a ChunkReader that reads src, a net.Conn for example.
// The error matches ErrConfig.
func NewChunkReader(src io.Reader, cfg ChunkConfig) (*ChunkReader, error) {
	r := new(ChunkReader)
	if err := cfg.normalize(); err != nil {
		return nil, err
	}
	if err := r.init(src, &cfg); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *ChunkReader) init(src io.Reader, cfg *ChunkConfig) error {
	if cfg.Open == nil {
		return fmt.Errorf("%w: reading needs Open", ErrConfig)
	}
	r.start, r.prefixSize = cfg.Open, cfg.PrefixSize
	r.framing, r.maxPayload = cfg.Framing, cfg.MaxPayload
	r.arrived.Init(src, cfg.Pool, cfg.window(), growth.Floor, cfg.Received)
	return nil
}

// Read reads payload bytes into p: as many as have arrived, or else it waits
// for some. Chunks that fit are opened straight into p, others in the
// ChunkReader's buffer and copied. When Read fails, it may have used all of p
// as scratch space. It allocates nothing but what the AEAD does
// (TestStreamAllocs).
func (r *ChunkReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.unlock()
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, err := r.readArrived(p)
		if n > 0 || err != nil {
			return n, err
		}
		if err := r.fill(true, math.MaxInt); err != nil {
			return 0, err
		}
	}
}

// readArrived is Read, of what has arrived.
func (r *ChunkReader) readArrived(p []byte) (int, error) {
	rest := r.arrived.Rest
	n := copy(p, rest)
	rest = rest[n:]
	for n < len(p) {
		var dst []byte
		if longest := len(r.arrived.Unopened()) - r.overhead(); len(p)-n >= min(longest, r.maxPayload) {
			dst = p[n:n:len(p)]
		}
		payload, ok, err := r.next(dst)
		if err != nil && n == 0 {
			return 0, err
		}
		if err != nil || !ok {
			break
		}
		if dst == nil {
			rest = payload[copy(p[n:], payload):]
		}
		n += len(payload) - len(rest)
	}
	r.arrived.Rest = rest
	return n, nil
}

// WriteTo writes all payloads to dst until the end of the stream, and returns
// how many bytes dst has accepted. It reads a burst of chunks, opens them in
// place, and writes their payloads with one writev if dst is a *net.TCPConn or
// *net.UnixConn, or with one call of Writev([][]byte) (int64, error) if dst
// has it. Payloads for any other dst are moved together up to 16 KiB a Write.
//
// What dst did not accept is not lost: it is what is read next. The error is
// dst's or the stream's. A burst allocates nothing but what the AEAD
// does (TestStreamAllocs).
func (r *ChunkReader) WriteTo(dst io.Writer) (int64, error) {
	r.mu.Lock()
	defer r.unlock()
	return r.arrived.WriteTo(dst, (*chunkOpener)(r))
}

// Step writes what has arrived to dst, as WriteTo does, and never waits for
// more. It stops at the first chunk that reaches max bytes, and returns 0 and
// nil if there is nothing now. Then the ChunkReader holds at most the part of
// one chunk. The end of the stream is io.EOF.
//
// Over a source that Ready cannot watch, Step moves only what Read has left.
func (r *ChunkReader) Step(dst io.Writer, max int) (int64, error) {
	r.mu.Lock()
	defer r.unlock()
	return r.arrived.Step(dst, max, (*chunkOpener)(r))
}

// Ready arranges for one call of wake when Step may have more, unless cancel
// is called before: at once if it has, or else by handing the connection
// below to watch. It returns nil if the source is neither a *net.TCPConn or
// *net.UnixConn, also under wrappers with TransparentConn, nor has Step and
// Ready itself; then only Read can wait. wake may be called before Ready
// returns.
func (r *ChunkReader) Ready(watch Watcher, wake func()) (cancel func()) {
	r.mu.Lock()
	wakeup := r.arrived.Wakeup(r.more())
	r.unlock()
	return wakeup.Arrange(watch, wake)
}

// more reports whether Step has something to say of what has arrived.
func (r *ChunkReader) more() bool {
	arrived := r.arrived.Unopened()
	switch {
	case r.err != nil, r.closed.Load():
		return true
	case len(arrived) == 0:
		return false
	case r.opener == nil:
		return len(arrived) >= max(r.prefixSize, 1)
	}
	size, err := r.size(arrived)
	return err != nil || size <= len(arrived)
}

// A chunkOpener is what a ChunkReader is to a burst.
type chunkOpener ChunkReader

// Gather opens chunks until there are most bytes, or no more in the buffer.
func (o *chunkOpener) Gather(g *burst.Payloads, most int64, join int) error {
	r := (*ChunkReader)(o)
	for g.Size < most && !g.Full() {
		payload, ok, err := r.next(nil)
		if err != nil || !ok {
			return err
		}
		if len(payload) > 0 {
			g.Add(payload, join)
		}
	}
	return nil
}

// Fill reads once from the source.
func (o *chunkOpener) Fill(wait bool, limit int) error {
	return (*ChunkReader)(o).fill(wait, limit)
}

func (r *ChunkReader) fill(wait bool, limit int) error {
	if r.err != nil {
		return r.err
	}
	err := r.arrived.Fill(wait, limit)
	switch {
	case err == nil, err == readiness.ErrWouldBlock, isTimeout(err):
		return err
	case r.closed.Load():
		err = errClosed
	case err == io.EOF && r.inside() && !r.ended.Load():
		err = ErrTruncated
	}
	r.err = err
	return err
}

// inside reports whether more has to come.
func (r *ChunkReader) inside() bool {
	return !r.arrived.Empty() || r.framing == Records || r.opener != nil && r.opener.opened
}

// next opens the chunk at head, into dst if that is not nil, or in place. It
// reports false if the chunk has not arrived in full.
func (r *ChunkReader) next(dst []byte) (payload []byte, ok bool, err error) {
	if r.closed.Load() {
		r.err = errClosed
	}
	if r.err != nil {
		return nil, false, r.err
	}
	src := r.arrived.Unopened()
	if len(src) == 0 {
		return nil, false, nil
	}
	if r.opener == nil {
		if ok, err := r.begin(src); !ok {
			return nil, false, err
		}
		src = r.arrived.Unopened()
	}
	if head := r.headroom(); dst == nil && len(src) >= head {
		dst = src[head:head]
	}
	var size int
	var final bool
	if r.framing == Records {
		payload, size, final, err = r.opener.OpenRecord(dst, src, r.maxPayload)
	} else {
		payload, size, err = r.opener.OpenChunk(dst, src, r.maxPayload)
	}
	if err != nil {
		r.err = err
		return nil, false, err
	}
	if size > len(src) {
		r.arrived.Need(size)
		return nil, false, nil
	}
	r.arrived.Skip(size)
	r.opened.Note(len(payload))
	if final {
		r.err = io.EOF
	}
	return payload, true, nil
}

// headroom is what precedes the payload of the next record.
func (r *ChunkReader) headroom() int {
	if r.framing == Chunks {
		return r.opener.head()
	}
	return r.framing.headroom()
}

// overhead is the least by which the next record is longer than its payload.
func (r *ChunkReader) overhead() int {
	if r.opener == nil {
		return TagSize
	}
	return r.headroom() + TagSize
}

// size returns how many bytes the next record takes, as far as src tells.
func (r *ChunkReader) size(src []byte) (int, error) {
	if r.framing == Records {
		return r.opener.recordSize(src, r.maxPayload)
	}
	return r.opener.chunkSize(src, r.maxPayload)
}

// begin makes the Opener. It reports false if the prefix is not there yet.
func (r *ChunkReader) begin(src []byte) (bool, error) {
	if least := max(r.prefixSize, 1); len(src) < least {
		r.arrived.Need(least)
		return false, nil
	}
	o, err := r.start(src[:r.prefixSize:r.prefixSize])
	if err == nil && o == nil {
		err = errors.New("no Opener")
	}
	if err != nil {
		r.err = fmt.Errorf("aead: start of chunk stream: %w", err)
		return false, r.err
	}
	r.opener, r.start = o, nil
	r.arrived.Skip(r.prefixSize)
	return true, nil
}

// Stats returns what was opened so far.
func (r *ChunkReader) Stats() ChunkStats { return chunkStats(&r.opened) }

// Trim is for a stream that will be idle for a while: the cipher gives up what
// it can make anew with the next chunk, in less than a microsecond. While another
// method runs, Trim does nothing.
func (r *ChunkReader) Trim() {
	if r.mu.TryLock() {
		if r.opener != nil {
			fused.Trim(r.opener.aead)
		}
		r.unlock()
	}
}

// close lets go of all memory, or has the method that is running do so.
func (r *ChunkReader) close() {
	r.closed.Store(true)
	if r.mu.TryLock() {
		r.unlock()
	}
}

// unlock ends a method, and lets go of the memory that it is the last to use.
func (r *ChunkReader) unlock() {
	r.tidy()
	r.mu.Unlock()
	// A close that came after tidy found the lock taken.
	if r.closed.Load() && r.mu.TryLock() {
		r.tidy()
		r.mu.Unlock()
	}
}

func (r *ChunkReader) tidy() {
	r.opened.Publish()
	r.arrived.Tidy(r.closed.Load(), r.err != nil)
}
