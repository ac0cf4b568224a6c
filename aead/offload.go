package aead

import (
	"cmp"
	"context"
	"crypto/cipher"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
)

// OffloadConfig configures an Offload.
type OffloadConfig struct {
	// Workers is how many goroutines help. Zero means one fewer than
	// GOMAXPROCS, since the caller works too.
	Workers int
	// Crossover is how many bytes a batch must have to be shared. Zero means
	// what was measured for the backend at hand: see Crossover.
	Crossover int
}

// An Offload shares large batches among several processors. The caller of a
// batch works on it itself, and workers that are idle at that moment help: so
// a batch never waits for another, what is under way is bounded by the callers
// and the workers, and results are in their places when the call returns. A
// batch that is too small to gain is left to its caller.
//
// It is safe for concurrent use. It has the goroutines that OffloadConfig says,
// until Close.
type Offload struct {
	shared    chan *batch // taken by idle workers alone
	workers   int
	crossover int
	done      chan struct{}
	closing   sync.Once
	running   sync.WaitGroup
	stats     struct{ alone, shared, parts atomic.Uint64 }
}

// OffloadStats counts what an Offload did.
type OffloadStats struct {
	Alone  uint64 // batches that their callers did alone
	Shared uint64 // batches with which workers helped
	Parts  uint64 // parts of batches that workers did
}

// errOffloadClosed: the Offload is closed. It matches net.ErrClosed.
var errOffloadClosed = fmt.Errorf("aead: Offload closed: %w", net.ErrClosed)

// NewOffload starts the workers. The error matches ErrConfig.
func NewOffload(cfg OffloadConfig) (*Offload, error) {
	if cfg.Workers < 0 || cfg.Crossover < 0 {
		return nil, fmt.Errorf("%w: negative Workers or Crossover", ErrConfig)
	}
	o := &Offload{
		shared:    make(chan *batch),
		workers:   cmp.Or(cfg.Workers, runtime.GOMAXPROCS(0)-1),
		crossover: cfg.Crossover,
		done:      make(chan struct{}),
	}
	for range o.workers {
		o.running.Go(o.work)
	}
	return o, nil
}

// Close ends the workers, and waits until they are done with what they are at.
// Batches under way are finished by their callers; later ones fail.
func (o *Offload) Close() error {
	o.closing.Do(func() { close(o.done) })
	o.running.Wait()
	return nil
}

// Stats returns what was done so far.
func (o *Offload) Stats() OffloadStats {
	return OffloadStats{Alone: o.stats.alone.Load(), Shared: o.stats.shared.Load(), Parts: o.stats.parts.Load()}
}

func (o *Offload) work() {
	w := new(worker)
	for {
		select {
		case b := <-o.shared:
			o.stats.parts.Add(w.help(b))
			b.helpers.Done()
		case <-o.done:
			return
		}
	}
}

// SealBatch is s.SealBatch, byte for byte. If ctx ends meanwhile, some of the
// records are sealed and others not, the nonces of all are spent, and the
// error is that of ctx. Records are lent until SealBatch returns; s is used by
// the caller alone. With enough capacity it allocates nothing but what the AEAD
// does (TestOffloadAllocs).
func (o *Offload) SealBatch(ctx context.Context, s *Sealer, records []Record) error {
	total, err := o.begin(ctx, records)
	if err != nil {
		return err
	}
	if !o.worthwhile(s.aead, records, total) {
		o.stats.alone.Add(1)
		return s.SealBatch(records)
	}
	from := s.nonces
	if err := s.nonces.reserve(uint64(len(records)), total); err != nil {
		return err
	}
	s.nonces.next += uint64(len(records))
	b := newBatch(ctx, s.aead, from, records, total)
	o.run(b)
	err = ctx.Err()
	if b.complete() {
		err = nil
	}
	b.free()
	return err
}

// OpenBatch is op.OpenBatch, byte for byte: what lies behind the first record
// that fails is not opened, or cleared again. If ctx ends meanwhile the error
// is that of ctx, and stays. Records are lent until OpenBatch returns; op is
// used by the caller alone. With enough capacity it allocates nothing but what
// the AEAD does (TestOffloadAllocs).
func (o *Offload) OpenBatch(ctx context.Context, op *Opener, records []Record) (int, error) {
	total, err := o.begin(ctx, records)
	if err != nil {
		return 0, err
	}
	n := uint64(len(records))
	bytes := total - min(total, n*uint64(TagSize+op.nonces.headroom()))
	if op.err != nil || op.nonces.left < n || op.nonces.bytes < bytes || !o.worthwhile(op.aead, records, total) {
		o.stats.alone.Add(1)
		return op.OpenBatch(records)
	}
	b := newBatch(ctx, op.aead, op.nonces, records, total)
	b.opens = true
	_ = op.nonces.reserve(n, bytes) // there are so many
	op.nonces.next += n
	o.run(b)
	opened := b.settle()
	if opened < len(records) {
		if op.err = ErrOpen; b.failed.Load() > int64(opened) {
			op.err = ctx.Err()
		}
	}
	b.free()
	return opened, op.err
}

func (o *Offload) begin(ctx context.Context, records []Record) (total uint64, err error) {
	select {
	case <-o.done:
		return 0, errOffloadClosed
	default:
	}
	for i := range records {
		total += uint64(len(records[i].In))
	}
	return total, ctx.Err()
}

// worthwhile reports whether sharing a batch can gain anything.
func (o *Offload) worthwhile(a cipher.AEAD, records []Record, total uint64) bool {
	if o.workers == 0 || len(records) < 2 {
		return false
	}
	limit := o.crossover
	if limit == 0 {
		if total < leastCrossover {
			return false
		}
		limit = Crossover(a)
	}
	return total >= uint64(limit)
}

// run does b, with the help of workers that are idle now.
func (o *Offload) run(b *batch) {
	helpers := 0
	for helpers < min(o.workers, b.parts-1) && o.handOver(b) {
		helpers++
	}
	if helpers > 0 {
		o.stats.shared.Add(1)
	} else {
		o.stats.alone.Add(1)
	}
	b.own.help(b)
	b.helpers.Wait()
}

func (o *Offload) handOver(b *batch) bool {
	b.helpers.Add(1)
	select {
	case o.shared <- b:
		return true
	default:
		b.helpers.Done()
		return false
	}
}
