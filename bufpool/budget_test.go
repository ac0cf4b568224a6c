package bufpool_test

import (
	"math"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/headrace-go/headrace/bufpool"
)

func mustBudget(t testing.TB, cfg bufpool.BudgetConfig) *bufpool.Budget {
	t.Helper()
	b, err := bufpool.NewBudget(cfg)
	must(t, err)
	return b
}

func TestBudgetReserves(t *testing.T) {
	b := mustBudget(t, bufpool.BudgetConfig{Limit: 100})
	for _, tt := range []struct {
		n    int
		want bool
	}{
		{60, true}, {41, false}, {40, true}, {1, false}, {0, true}, {-1, false}, {math.MinInt, false}, {math.MaxInt, false},
	} {
		if got := b.TryReserve(tt.n); got != tt.want {
			t.Errorf("TryReserve(%d) = %v, want %v", tt.n, got, tt.want)
		}
	}
	b.Release(70)
	want := bufpool.BudgetStats{Limit: 100, Used: 30, Peak: 100, Refused: 5}
	if got := b.Stats(); got != want {
		t.Errorf("Stats = %+v, want %+v", got, want)
	}
	mustPanic(t, func() { b.Release(31) }, "bufpool: Budget released more than reserved")
	mustPanic(t, func() { b.Release(-1) }, "bufpool: Budget released more than reserved")
	if got := b.Stats().Used; got != 30 {
		t.Errorf("Used = %d after refused releases, want 30", got)
	}
}

func TestBudgetMarks(t *testing.T) {
	var calls []int64
	b := mustBudget(t, bufpool.BudgetConfig{
		Limit: 100, High: 80, Low: 50,
		OnHigh: func(used int64) { calls = append(calls, used) },
		OnLow:  func(used int64) { calls = append(calls, -used) },
	})
	for _, n := range []int{80, 1, 10, -20, -20, -1, -1, 31, 20, -100} {
		if n > 0 && !b.TryReserve(n) {
			t.Fatalf("TryReserve(%d) = false", n)
		}
		if n < 0 {
			b.Release(-n)
		}
	}
	if want := []int64{81, -50, 100, 0}; !slices.Equal(calls, want) {
		t.Errorf("calls = %v, want %v", calls, want)
	}
}

func TestBudgetRefusesNonsense(t *testing.T) {
	for _, cfg := range []bufpool.BudgetConfig{
		{}, {Limit: -1}, {Limit: 10, High: 11}, {Limit: 10, High: 5, Low: 6}, {Limit: 10, High: 5, Low: -1},
	} {
		if _, err := bufpool.NewBudget(cfg); err == nil {
			t.Errorf("NewBudget(%+v) gave no error", cfg)
		}
	}
}

func TestAccountFloor(t *testing.T) {
	b := mustBudget(t, bufpool.BudgetConfig{Limit: 100})
	a, other := b.Account(30), b.Account(30)
	if !other.TryReserve(130) {
		t.Fatal("floor and budget together were refused")
	}
	if other.TryReserve(1) {
		t.Error("granted beyond floor and budget")
	}
	// The budget is spent; the floor of another account is not.
	if a.TryReserve(31) || !a.TryReserve(30) || a.TryReserve(1) {
		t.Error("an account does not get exactly its floor when the budget is spent")
	}
	if s := b.Stats(); s.Used != 100 || s.Floors != 60 {
		t.Errorf("Used = %d, Floors = %d, want 100 and 60", s.Used, s.Floors)
	}
	other.Release(120)
	if s := b.Stats(); s.Used != 0 || s.Floors != 40 || other.Used() != 10 {
		t.Errorf("Used = %d, Floors = %d, other %d, want 0, 40 and 10", s.Used, s.Floors, other.Used())
	}
	if a.TryReserve(-1) {
		t.Error("TryReserve(-1) = true")
	}
	mustPanic(t, func() { a.Release(31) }, "bufpool: Account released more than reserved")
	mustPanic(t, func() { a.Release(-1) }, "bufpool: Account released more than reserved")
	a.Release(30)
	other.Release(10)
	if s := b.Stats(); s.Used != 0 || s.Floors != 0 {
		t.Errorf("Used = %d, Floors = %d after everything is back", s.Used, s.Floors)
	}
	if !b.Account(-5).TryReserve(100) {
		t.Error("an account without floor gets nothing")
	}
}

func TestBudgetModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 1000).Draw(t, "limit")
		b, err := bufpool.NewBudget(bufpool.BudgetConfig{Limit: int64(limit)})
		if err != nil {
			t.Fatal(err)
		}
		floors := []int{0, rapid.IntRange(0, 100).Draw(t, "floor"), 50}
		used := make([]int, len(floors))
		var accounts []*bufpool.Account
		for _, f := range floors {
			accounts = append(accounts, b.Account(f))
		}
		beyond := func() (sum int) {
			for i := range used {
				sum += max(used[i]-floors[i], 0)
			}
			return sum
		}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			i := rapid.IntRange(0, len(floors)-1).Draw(t, "account")
			n := rapid.IntRange(0, 400).Draw(t, "n")
			if rapid.Bool().Draw(t, "release") {
				n = min(n, used[i])
				accounts[i].Release(n)
				used[i] -= n
			} else {
				used[i] += n
				want := used[i] <= floors[i] || beyond() <= limit
				if got := accounts[i].TryReserve(n); got != want {
					t.Fatalf("TryReserve(%d) = %v, want %v", n, got, want)
				}
				if !want {
					used[i] -= n
				}
			}
			if got := b.Stats(); got.Used != int64(beyond()) {
				t.Fatalf("Used = %d, want %d", got.Used, beyond())
			}
		}
	})
}

func TestBudgetOnManyGoroutines(t *testing.T) {
	b := mustBudget(t, bufpool.BudgetConfig{Limit: 1000})
	a := b.Account(100)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				n := (i*7 + g*13) % 300
				if a.TryReserve(n) {
					if used := b.Stats().Used; used > 1000 {
						t.Errorf("Used = %d, above the limit", used)
					}
					a.Release(n)
				}
				if b.TryReserve(n) {
					b.Release(n)
				}
			}
		})
	}
	wg.Wait()
	if s := b.Stats(); s.Used != 0 || s.Floors != 0 || a.Used() != 0 {
		t.Errorf("Used = %d, Floors = %d, account %d at the end, want 0", s.Used, s.Floors, a.Used())
	}
}

func TestBudgetAllocs(t *testing.T) {
	b := mustBudget(t, bufpool.BudgetConfig{Limit: 1000})
	a := b.Account(10)
	if got := testing.AllocsPerRun(500, func() {
		a.TryReserve(100)
		a.Release(100)
	}); got != 0 {
		t.Errorf("TryReserve and Release allocate %v times, want 0", got)
	}
}

// Two pools that share a budget own no more than it grants together.
func TestPoolsShareABudget(t *testing.T) {
	b := mustBudget(t, bufpool.BudgetConfig{Limit: 200_000})
	p, q := mustNew(t, bufpool.Config{Reserver: b}), mustNew(t, bufpool.Config{Reserver: b})
	var held [][]byte
	for range 10 {
		held = append(held, p.Get(18_000), q.Get(18_000))
	}
	if used := b.Stats().Used; used > 200_000 || used < 180_000 || p.Stats().Owned+q.Stats().Owned != used {
		t.Errorf("Used = %d, pools own %d and %d", used, p.Stats().Owned, q.Stats().Owned)
	}
	if p.Stats().OverLimit+q.Stats().OverLimit == 0 {
		t.Error("nothing was refused")
	}
	for i, s := range held {
		[]*bufpool.Pool{p, q}[i%2].Put(s)
	}
}
