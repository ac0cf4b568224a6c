package bufpool_test

import (
	"testing"

	"github.com/headrace-go/headrace/bufpool"
)

func mustNew(t testing.TB, cfg bufpool.Config) *bufpool.Pool {
	t.Helper()
	p, err := bufpool.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGetPut(t *testing.T) {
	for _, tt := range []struct {
		name string
		pool *bufpool.Pool
	}{
		{"zero config", mustNew(t, bufpool.Config{})},
		{"default", bufpool.Default()},
		{"none", bufpool.None()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, n := range []int{-1, 0, 1, 1350, 16<<10 + 64, bufpool.MaxSize, bufpool.MaxSize + 1} {
				b := tt.pool.Get(n)
				if len(b) != max(n, 0) {
					t.Errorf("Get(%d) has len %d", n, len(b))
				}
				tt.pool.Put(b)
			}
			if got := tt.pool.Stats().Refused; got != 0 {
				t.Errorf("Refused = %d, want 0", got)
			}
		})
	}
}

func TestGetPutAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("under -race sync.Pool drops one Put in four")
	}
	p := mustNew(t, bufpool.Config{Limit: 1 << 20})
	p.Put(p.Get(1350))
	if got := testing.AllocsPerRun(500, func() { p.Put(p.Get(1350)) }); got != 0 {
		t.Errorf("Get and Put allocate %v times, want 0", got)
	}
}

func TestPrefillTrimStats(t *testing.T) {
	p := mustNew(t, bufpool.Config{})
	if got := p.Prefill(16<<10, 4); got != 4 {
		t.Fatalf("Prefill = %d, want 4", got)
	}
	s := p.Stats()
	if s.Retained != s.Owned || s.Retained < 4*16<<10 {
		t.Errorf("Retained = %d, Owned = %d after Prefill", s.Retained, s.Owned)
	}
	p.Trim()
	if got := p.Stats().Retained; got != 0 {
		t.Errorf("Retained = %d after Trim, want 0", got)
	}
	none := bufpool.None()
	if got := none.Prefill(16<<10, 4); got != 0 {
		t.Errorf("None().Prefill = %d, want 0", got)
	}
	none.Trim()
	if got := none.Stats(); got != (bufpool.Stats{}) {
		t.Errorf("None().Stats = %+v", got)
	}
}

func TestNewRefusesNonsense(t *testing.T) {
	if _, err := bufpool.New(bufpool.Config{Limit: 1000, Floor: 2000}); err == nil {
		t.Error("New with a Floor above the Limit gave no error")
	}
}
