package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/budget"
)

func costs(name string, units map[string]float64) measurement {
	return measurement{name, func(context.Context) (map[string]float64, error) { return units, nil }}
}

func fails(name string, err error) measurement {
	return measurement{name, func(context.Context) (map[string]float64, error) { return nil, err }}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name    string
		all     []measurement
		budgets string
		filter  string
		broken  bool   // the error must match errBroken
		err     string // and contain this
		row     string // the table must match this
	}{
		{
			name: "kept", all: []measurement{costs("a", map[string]float64{"allocs/op": 2})},
			budgets: "a allocs/op 2 0", row: `a +allocs/op +2 +2 +kept\n`,
		},
		{
			name: "within the tolerance", all: []measurement{costs("a", map[string]float64{"B/op": 104})},
			budgets: "a B/op 100 5%", row: `a +B/op +100 ± 5 +104 +kept\n`,
		},
		{
			name: "spare", all: []measurement{costs("a", map[string]float64{"B/op": 10})},
			budgets: "a B/op 100 5%", row: `kept, and could be lower`,
		},
		{
			name: "broken", all: []measurement{costs("a", map[string]float64{"B/op": 106, "allocs/op": 1}), costs("b", nil)},
			budgets: "a B/op 100 5%\na allocs/op 1 0", broken: true, err: "over budget: a B/op", row: `a +B/op +100 ± 5 +106 +BROKEN`,
		},
		{
			name: "left out", all: []measurement{fails("a", fmt.Errorf("%w: no strace", errLeftOut))},
			budgets: "a calls/op 1 0", row: `a +calls/op +1 +left out: no strace`,
		},
		{
			name: "failed", all: []measurement{fails("a", errors.New("port taken"))},
			budgets: "a calls/op 1 0", err: "not measured: a", row: `FAILED: port taken`,
		},
		{
			name: "without a budget", all: []measurement{costs("a", map[string]float64{"B/op": 1})},
			err: "not measured: a B/op", row: `FAILED: has no budget`,
		},
		{
			name: "budget for a unit that is not measured", all: []measurement{costs("a", nil)},
			budgets: "a B/op 1 0", err: "not measured: a B/op", row: `FAILED: never measured`,
		},
		{
			name: "budget for nothing", budgets: "a B/op 1 0", err: "not measured: a B/op", row: `FAILED: no such measurement`,
		},
		{
			name: "not chosen", all: []measurement{fails("a", errors.New("should not run")), costs("b", nil)},
			budgets: "a B/op 1 0", filter: "^b", row: `verdict\n$`,
		},
		{
			name: "nothing chosen", all: []measurement{costs("a", map[string]float64{"B/op": 1})},
			budgets: "a B/op 1 0", filter: "^b", err: "no measurement matches ^b", row: `verdict\n$`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			budgets, err := budget.Parse(strings.NewReader(tt.budgets), "test")
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			err = check(t.Context(), tt.all, budgets, regexp.MustCompile(tt.filter), &out)
			if (err != nil) != (tt.err != "") || errors.Is(err, errBroken) != tt.broken {
				t.Errorf("check = %v, want %q, broken = %t", err, tt.err, tt.broken)
			}
			if err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("check = %v, want %q", err, tt.err)
			}
			if !regexp.MustCompile(tt.row).MatchString(out.String()) {
				t.Errorf("no %q in\n%s", tt.row, &out)
			}
		})
	}
}

// The committed file and the measurements must name the same things; what
// they cost is gate's own run to say.
func TestBudgetsNameTheMeasurements(t *testing.T) {
	parsed, err := budget.Parse(strings.NewReader(budgets), "budgets.txt")
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, b := range parsed {
		has[b.Name] = true
	}
	for _, m := range measurements {
		if !has[m.name] {
			t.Errorf("%s has no budget", m.name)
		}
		delete(has, m.name)
	}
	for name := range has {
		t.Errorf("a budget for %s, which nobody measures", name)
	}
}

func TestServeProgramsRefusesTheUnknown(t *testing.T) {
	if err := servePrograms("nothing", nil); err == nil {
		t.Error("servePrograms(nothing) succeeded")
	}
}
