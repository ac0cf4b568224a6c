package bufpool

import (
	"fmt"
	"slices"
	"sync"

	"github.com/valyala/bytebufferpool"
)

// GrowableConfig says how texts grow. The zero Config works.
type GrowableConfig struct {
	// Start is the least capacity that a text starts with.
	// Zero means 512. Negative leaves it to bytebufferpool.
	Start int
	// Limit bounds the length of a text. Zero means 64 KiB. Negative means no
	// bound.
	Limit int
	// Keep bounds the capacity of the buffers that are kept.
	// Zero means 64 KiB. Negative keeps all.
	Keep int
}

// Growable lends buffers for text whose length is not known before: headers,
// handshakes, log lines. They come from valyala/bytebufferpool, which learns
// what size to start with. It is safe for concurrent use.
//
// What it learns is the most frequent class of sizes: where most texts are
// short, a fresh buffer starts at 64 bytes and the others grow it step by step.
// And until 42000 buffers were put back it keeps them however large they got.
// Start and Keep bound the one and the other. One Growable for each kind of
// text lets it learn better than one for all. It is not for the bytes that a
// proxy moves: those know their size, and Pool is faster.
type Growable struct {
	buffers bytebufferpool.Pool // first, for the alignment of its counters
	texts   sync.Pool           // of *Text
	start   int
	limit   int
	keep    int
}

// NewGrowable returns a Growable that has learnt nothing. It refuses a Start
// that is above Limit or Keep.
func NewGrowable(cfg GrowableConfig) (*Growable, error) {
	g := &Growable{start: cfg.Start, limit: cfg.Limit, keep: cfg.Keep}
	if g.limit == 0 {
		g.limit = 64 << 10
	}
	if g.keep == 0 {
		g.keep = 64 << 10
	}
	if g.start == 0 {
		g.start = 512
		if g.limit > 0 {
			g.start = min(g.start, g.limit)
		}
	}
	if g.limit > 0 && g.start > g.limit || g.keep > 0 && g.start > g.keep {
		return nil, fmt.Errorf("bufpool: Growable starts with %d bytes, above its Limit %d or Keep %d", g.start, g.limit, g.keep)
	}
	return g, nil
}

// Get returns an empty Text, which the caller holds until Release.
func (g *Growable) Get() *Text {
	t, ok := g.texts.Get().(*Text)
	if !ok {
		t = &Text{from: g}
	}
	t.buf = g.buffers.Get()
	if cap(t.buf.B) < g.start {
		t.buf.B = slices.Grow(t.buf.B, g.start)
	}
	return t
}

// A Text is a growing buffer. It is not safe for concurrent use.
type Text struct {
	from *Growable
	buf  *bytebufferpool.ByteBuffer
}

// Write appends p. It returns ErrLimit, and appends nothing, if the text would
// be longer than its limit.
func (t *Text) Write(p []byte) (int, error) {
	if !t.room(len(p)) {
		return 0, ErrLimit
	}
	return t.buf.Write(p)
}

// WriteString is Write for a string.
func (t *Text) WriteString(s string) (int, error) {
	if !t.room(len(s)) {
		return 0, ErrLimit
	}
	return t.buf.WriteString(s)
}

// WriteByte is Write for one byte.
func (t *Text) WriteByte(c byte) error {
	if !t.room(1) {
		return ErrLimit
	}
	return t.buf.WriteByte(c)
}

func (t *Text) room(n int) bool {
	return t.from.limit < 0 || n <= t.from.limit-len(t.buf.B)
}

// Bytes returns the text. It is valid until the Text is next changed.
func (t *Text) Bytes() []byte { return t.buf.B }

// String returns a copy of the text.
func (t *Text) String() string { return string(t.buf.B) }

// Len returns the length of the text.
func (t *Text) Len() int { return len(t.buf.B) }

// Reset empties the text.
func (t *Text) Reset() { t.buf.Reset() }

// Release gives the buffer back. The caller must not use t afterwards. Release
// panics if t was released and not lent again since.
func (t *Text) Release() {
	if t.buf == nil {
		panic("bufpool: Text released twice")
	}
	buf := t.buf
	t.buf = nil
	g := t.from
	if g.keep < 0 || cap(buf.B) <= g.keep {
		g.buffers.Put(buf)
	}
	g.texts.Put(t)
}
