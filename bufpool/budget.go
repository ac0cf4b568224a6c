package bufpool

import (
	"errors"
	"sync/atomic"
)

// BudgetConfig says how much a Budget grants, and who is told when it runs
// short.
type BudgetConfig struct {
	// Limit bounds the bytes reserved at any time. It must be positive.
	Limit int64
	// High calls OnHigh when more than that is reserved; then Low calls OnLow
	// when that much or less is left reserved, and OnHigh may be called
	// again. Zero means 7/8 and 3/4 of Limit.
	High, Low int64
	// OnHigh and OnLow run on the goroutine that crosses the mark, with no
	// lock held, and take turns unless reservations change while they run.
	// Nil means to tell nobody.
	OnHigh, OnLow func(used int64)
}

// A Budget is memory that several pools, windows and relays share. It only
// counts: who gets a refusal goes on with what it has. It is safe for
// concurrent use, and implements Reserver.
type Budget struct {
	limit, high, low int64
	onHigh, onLow    func(int64)

	used    atomic.Int64
	above   atomic.Bool // OnHigh was called, and OnLow not yet
	peak    atomic.Int64
	refused atomic.Uint64
	floors  atomic.Int64
}

// NewBudget returns a Budget with nothing reserved. It refuses a Limit that is
// not positive and marks that are out of order.
func NewBudget(cfg BudgetConfig) (*Budget, error) {
	if cfg.High == 0 {
		cfg.High = cfg.Limit - cfg.Limit/8
	}
	if cfg.Low == 0 {
		cfg.Low = min(cfg.Limit-cfg.Limit/4, cfg.High)
	}
	switch {
	case cfg.Limit <= 0:
		return nil, errors.New("bufpool: the Limit of a Budget must be positive")
	case cfg.Low < 0 || cfg.Low > cfg.High || cfg.High > cfg.Limit:
		return nil, errors.New("bufpool: the marks of a Budget must be in order: 0 <= Low <= High <= Limit")
	}
	return &Budget{
		limit: cfg.Limit, high: cfg.High, low: cfg.Low,
		onHigh: cfg.OnHigh, onLow: cfg.OnLow,
	}, nil
}

// TryReserve reserves n bytes and reports whether it could. It refuses if n is
// negative. It does not block, and does not allocate (TestBudgetAllocs).
func (b *Budget) TryReserve(n int) bool {
	for {
		used := b.used.Load()
		if n < 0 || int64(n) > b.limit-used {
			b.refused.Add(1)
			return false
		}
		if b.used.CompareAndSwap(used, used+int64(n)) {
			b.rise(used + int64(n))
			return true
		}
	}
}

// Release gives n reserved bytes back. It panics if fewer are reserved, or n is
// negative.
func (b *Budget) Release(n int) {
	used := take(&b.used, n)
	if used < 0 {
		panic("bufpool: Budget released more than reserved")
	}
	if used <= b.low && b.above.Load() && b.above.CompareAndSwap(true, false) && b.onLow != nil {
		b.onLow(used)
	}
}

func (b *Budget) rise(used int64) {
	for peak := b.peak.Load(); used > peak && !b.peak.CompareAndSwap(peak, used); {
		peak = b.peak.Load()
	}
	if used > b.high && !b.above.Load() && b.above.CompareAndSwap(false, true) && b.onHigh != nil {
		b.onHigh(used)
	}
}

// BudgetStats are the counters of a Budget. All are exact.
type BudgetStats struct {
	Limit   int64  // bytes that may be reserved
	Used    int64  // bytes reserved now
	Peak    int64  // most bytes ever reserved
	Floors  int64  // bytes that Accounts use without a reservation
	Refused uint64 // reservations refused
}

// Stats returns the counters. Each is of its own instant.
func (b *Budget) Stats() BudgetStats {
	return BudgetStats{
		Limit:   b.limit,
		Used:    b.used.Load(),
		Peak:    b.peak.Load(),
		Floors:  b.floors.Load(),
		Refused: b.refused.Load(),
	}
}

// Account returns a share of the budget with a floor: it grants up to floor
// bytes in any case, and reserves from the budget only what goes beyond. What
// works with the floor alone keeps working when the budget is spent. A negative
// floor counts as none.
func (b *Budget) Account(floor int) *Account {
	return &Account{budget: b, floor: int64(max(floor, 0))}
}

// An Account is one user of a Budget. It is safe for concurrent use, and
// implements Reserver.
type Account struct {
	budget *Budget
	floor  int64
	used   atomic.Int64
}

// TryReserve reserves n bytes and reports whether it could. It refuses if n is
// negative.
func (a *Account) TryReserve(n int) bool {
	if n < 0 {
		return false
	}
	for {
		used := a.used.Load()
		grown := used + int64(n)
		beyond := a.beyond(grown) - a.beyond(used)
		if beyond > 0 && !a.budget.TryReserve(int(beyond)) {
			return false
		}
		if a.used.CompareAndSwap(used, grown) {
			a.budget.floors.Add(int64(n) - beyond)
			return true
		}
		if beyond > 0 {
			a.budget.Release(int(beyond))
		}
	}
}

// Release gives n reserved bytes back. It panics if fewer are reserved, or n is
// negative.
func (a *Account) Release(n int) {
	used := take(&a.used, n)
	if used < 0 {
		panic("bufpool: Account released more than reserved")
	}
	beyond := a.beyond(used+int64(n)) - a.beyond(used)
	a.budget.floors.Add(beyond - int64(n))
	if beyond > 0 {
		a.budget.Release(int(beyond))
	}
}

// Used returns the bytes reserved, with those of the floor.
func (a *Account) Used() int64 { return a.used.Load() }

// beyond returns the part of used that the floor does not cover.
func (a *Account) beyond(used int64) int64 { return max(used-a.floor, 0) }

// take subtracts n from used and returns what is left. It returns -1, and
// subtracts nothing, if there is less or n is negative.
func take(used *atomic.Int64, n int) int64 {
	for {
		have := used.Load()
		if n < 0 || int64(n) > have {
			return -1
		}
		if used.CompareAndSwap(have, have-int64(n)) {
			return have - int64(n)
		}
	}
}
