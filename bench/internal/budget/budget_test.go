package budget_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/budget"
)

func TestParse(t *testing.T) {
	const file = `# what things may cost

bufpool/getput  allocs/op  0    0     # warm
relay/idle      B/conn     2000 5%
relay/bulk      calls/MB   8.5  1.5   # splice
`
	got, err := budget.Parse(strings.NewReader(file), "f")
	if err != nil {
		t.Fatal(err)
	}
	want := []budget.Budget{
		{Key: budget.Key{Name: "bufpool/getput", Unit: "allocs/op"}, Why: "warm"},
		{Key: budget.Key{Name: "relay/idle", Unit: "B/conn"}, Amount: 2000, Tolerance: 100},
		{Key: budget.Key{Name: "relay/bulk", Unit: "calls/MB"}, Amount: 8.5, Tolerance: 1.5, Why: "splice"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("Parse = %+v, want %+v", got, want)
	}
}

func TestParseNamesTheBadLine(t *testing.T) {
	tests := []struct{ file, want string }{
		{"a b 1", "f:1: 3 fields"},
		{"\na b 1 2 3", "f:2: 5 fields"},
		{"a b x 0", "f:1: budget"},
		{"a b 1 x%", "f:1: tolerance"},
		{"a b -1 0", "f:1: budget"},
		{"a b NaN 0", "f:1: budget"},
		{"a b 1 0\na b 2 0", "f:2: a b has a budget already"},
	}
	for _, tt := range tests {
		if _, err := budget.Parse(strings.NewReader(tt.file), "f"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Parse(%q) = %v, want %q", tt.file, err, tt.want)
		}
	}
}

func TestJudge(t *testing.T) {
	b := budget.Budget{Amount: 10, Tolerance: 1}
	tests := []struct {
		cost float64
		want budget.Verdict
	}{{11.01, budget.Broken}, {11, budget.Kept}, {10, budget.Kept}, {9, budget.Kept}, {8.99, budget.Spare}}
	for _, tt := range tests {
		if got := b.Judge(tt.cost); got != tt.want {
			t.Errorf("Judge(%g) = %v, want %v", tt.cost, got, tt.want)
		}
	}
	if got := (budget.Budget{}).Judge(0.001); got != budget.Broken {
		t.Errorf("Judge(0.001) of nothing allowed = %v, want broken", got)
	}
}
