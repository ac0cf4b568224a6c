package aead

import (
	"context"
	"crypto/cipher"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// partSize is about how many bytes of a batch are done at a time: enough to
// make taking the next part cheap, and few enough for all to end together.
const partSize = 32 << 10

// A batch is what several goroutines work on. They take its parts in order.
type batch struct {
	ctx     context.Context
	aead    cipher.AEAD
	from    nonces // those of the first record
	records []Record
	each    int // records in a part
	parts   int
	opens   bool

	next    atomic.Int64 // part
	failed  atomic.Int64 // the first record that was not authentic
	opened  []int        // records of each part, from its beginning
	helpers sync.WaitGroup
	own     worker // the caller's
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func newBatch(ctx context.Context, a cipher.AEAD, from nonces, records []Record, total uint64) *batch {
	b := batches.Get().(*batch)
	b.ctx, b.aead, b.from, b.records = ctx, a, from, records
	mean := int(total)/len(records) + 1
	b.each = max(1, partSize/mean)
	b.parts = (len(records) + b.each - 1) / b.each
	b.opened = slices.Grow(b.opened[:0], b.parts)[:b.parts]
	clear(b.opened)
	b.next.Store(0)
	b.failed.Store(math.MaxInt64)
	return b
}

func (b *batch) free() {
	b.ctx, b.aead, b.records, b.opens = nil, nil, nil, false
	b.from = nonces{}
	batches.Put(b)
}

// part returns where a part begins and ends.
func (b *batch) part(k int) (first, end int) {
	return k * b.each, min((k+1)*b.each, len(b.records))
}

// complete reports whether all parts are done.
func (b *batch) complete() bool {
	for k, n := range b.opened {
		if first, end := b.part(k); n < end-first {
			return false
		}
	}
	return true
}

// settle takes back what was opened behind the first record that was not, and
// returns how many records stay open.
func (b *batch) settle() int {
	intact := 0
	for k, n := range b.opened {
		first, _ := b.part(k)
		if intact == first {
			intact += n
			continue
		}
		for i := first; i < first+n; i++ {
			b.shut(&b.records[i])
		}
	}
	return intact
}

// shut clears what was opened into r.
func (b *batch) shut(r *Record) {
	before := len(r.Dst) - (len(r.In) - TagSize - b.from.headroom())
	clear(r.Dst[before:])
	r.Dst = r.Dst[:before]
}

// A worker has what one goroutine needs to work on batches: it belongs to
// that, so that nothing is allocated for a part.
type worker struct {
	sealer Sealer
	opener Opener
}

// help works on b until there is nothing left to take, and returns how many
// parts that were.
func (w *worker) help(b *batch) (parts uint64) {
	for {
		k := int(b.next.Add(1) - 1)
		if k >= b.parts || b.ctx.Err() != nil {
			break
		}
		parts++
		first, end := b.part(k)
		if b.opens {
			if int64(first) > b.failed.Load() {
				break
			}
			b.opened[k] = w.open(b, first, end)
		} else {
			b.opened[k] = w.seal(b, first, end)
		}
	}
	w.sealer.aead, w.sealer.nonces = nil, nonces{}
	w.opener.aead, w.opener.nonces = nil, nonces{}
	return parts
}

// seal seals a part, whose nonces nobody else has.
func (w *worker) seal(b *batch, first, end int) int {
	w.sealer.aead, w.sealer.nonces = b.aead, b.from
	w.sealer.nonces.next += uint64(first)
	for i := first; i < end; i++ {
		r := &b.records[i]
		r.Dst = w.sealer.seal(r.Dst, r.In, r.AdditionalData)
	}
	return end - first
}

// open opens a part, up to its first record that fails.
func (w *worker) open(b *batch, first, end int) int {
	w.opener.aead, w.opener.nonces, w.opener.err = b.aead, b.from, nil
	w.opener.nonces.next += uint64(first)
	for i := first; i < end; i++ {
		r := &b.records[i]
		plaintext, err := w.opener.Open(r.Dst, r.In, r.AdditionalData)
		if err != nil {
			b.fail(int64(i))
			return i - first
		}
		r.Dst = plaintext
	}
	return end - first
}

// fail notes the first record that fails.
func (b *batch) fail(i int64) {
	for {
		old := b.failed.Load()
		if old <= i || b.failed.CompareAndSwap(old, i) {
			return
		}
	}
}
