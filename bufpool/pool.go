package bufpool

import (
	"fmt"
	"sync"

	"github.com/headrace-go/headrace/internal/slab"
)

// Config says what a Pool may own and how it behaves. The zero Config works.
type Config struct {
	// Limit bounds the bytes that the pool owns, lent and retained together.
	// Zero means 256 MiB. Negative means no bound.
	Limit int64
	// Floor bounds, for each size class, the bytes kept through garbage
	// collections. Classes with larger buffers keep none.
	// Zero means 128 KiB. Negative keeps none in any class.
	Floor int
	// Reserver, if not nil, must also grant every buffer that is made: a
	// Budget, for instance. It gets the bytes back on a goroutine of the
	// runtime after the collector has freed them.
	Reserver Reserver
	// ClearOnPut overwrites every buffer with zeros when it is put back: for
	// memory that held secrets.
	ClearOnPut bool
	// ExactStats fills in Stats.Gets and Stats.Puts. It costs every Get and
	// every Put an atomic add on memory that all processors share.
	ExactStats bool
}

// A Reserver grants bytes. It must be safe for concurrent use.
// A Budget is one.
type Reserver interface {
	TryReserve(n int) bool
	Release(n int)
}

// MaxSize is the largest request that a Pool serves from a size class.
const MaxSize = slab.MaxSize

// A Pool lends byte slices from size classes. It is safe for concurrent use.
type Pool struct {
	slab *slab.Allocator // nil: every slice is made, none is kept
	// leases keeps, per class, released memories with the buffer still in
	// them: a lease then costs one access to a sync.Pool and not two.
	leases [slab.NumClasses]sync.Pool
}

// New returns a Pool that owns nothing yet. It refuses a Floor that no Limit
// could hold.
func New(cfg Config) (*Pool, error) {
	if cfg.Limit > 0 && int64(cfg.Floor) > cfg.Limit {
		return nil, fmt.Errorf("bufpool: Floor %d is above Limit %d", cfg.Floor, cfg.Limit)
	}
	return &Pool{slab: slab.New(slab.Config{
		Limit:      cfg.Limit,
		Floor:      cfg.Floor,
		Budget:     cfg.Reserver,
		Clear:      cfg.ClearOnPut,
		ExactStats: cfg.ExactStats,
	})}, nil
}

// Default returns the pool over the slab that the whole process shares, which
// is what the other packages take from when they are given no pool. It has the
// zero Config.
func Default() *Pool { return defaultPool() }

var defaultPool = sync.OnceValue(func() *Pool { return &Pool{slab: slab.Default()} })

// None returns a Pool that pools nothing: Get makes, Put drops. It shows what
// pooling is worth to a program, by taking its place.
func None() *Pool { return &Pool{} }

// Get returns a slice of length n with undefined contents. The caller owns it
// until it is put back or dropped. For n <= 0 it is empty; above MaxSize, and
// when the pool may own no more, it is made for the occasion and not kept.
// It does not allocate when a buffer of the class is free (TestGetPutAllocs).
func (p *Pool) Get(n int) []byte {
	if p.slab == nil {
		return make([]byte, max(n, 0))
	}
	return p.slab.Get(n)
}

// Put gives back a slice from Get. The caller must not use b, or any slice that
// shares its memory, afterwards. b may have any length but must begin where the
// slice from Get began. A slice that is not the pool's is dropped and counted
// in Stats.Refused; which ones cannot be told apart is in the package comment.
func (p *Pool) Put(b []byte) {
	if p.slab != nil {
		p.slab.Put(b)
	}
}

// Prefill makes buffers until count that hold n bytes each are retained, and
// has that many survive collections from then on. It returns how many it made:
// fewer if the pool may own no more, none above MaxSize.
func (p *Pool) Prefill(n, count int) int {
	if p.slab == nil {
		return 0
	}
	return p.slab.Prefill(n, count)
}

// Trim lets go of everything that is not lent. The collector frees it, and
// Stats.Owned falls, with its next cycle. One buffer per class and processor
// may escape, and goes a cycle later.
func (p *Pool) Trim() {
	for i := range p.leases {
		for p.leases[i].Get() != nil {
		}
	}
	if p.slab != nil {
		p.slab.Trim()
	}
}
