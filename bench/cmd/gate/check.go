package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/headrace-go/headrace/bench/internal/budget"
)

// A measurement counts what one operation costs.
type measurement struct {
	name string
	// count returns the costs by unit. An error that matches errLeftOut says
	// that they cannot be counted on this machine; it fails nothing.
	count func(context.Context) (map[string]float64, error)
}

var errLeftOut = errors.New("left out")

// check makes the measurements that match filter and prints how each of their
// budgets fared.
func check(ctx context.Context, all []measurement, budgets []budget.Budget, filter *regexp.Regexp, w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "measurement\tunit\tbudget\tmeasured\tverdict\n")
	var broken, failed []string
	named := map[string]bool{}
	for _, m := range all {
		named[m.name] = true
		if !filter.MatchString(m.name) {
			continue
		}
		costs, err := m.count(ctx)
		if err != nil && !errors.Is(err, errLeftOut) {
			fmt.Fprintf(table, "%s\t\t\t\tFAILED: %v\n", m.name, err)
			failed = append(failed, m.name)
			continue
		}
		for _, b := range budgets {
			if b.Name != m.name {
				continue
			}
			measured, verdict := "", ""
			cost, ok := costs[b.Unit]
			switch {
			case err != nil:
				verdict = err.Error()
			case !ok:
				verdict = "FAILED: never measured"
				failed = append(failed, b.Key.String())
			default:
				delete(costs, b.Unit)
				measured, verdict = number(cost), describe(b, cost)
				if b.Judge(cost) == budget.Broken {
					broken = append(broken, b.Key.String())
				}
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", b.Name, b.Unit, limit(b), measured, verdict)
		}
		for _, unit := range slices.Sorted(maps.Keys(costs)) {
			fmt.Fprintf(table, "%s\t%s\t\t%s\tFAILED: has no budget\n", m.name, unit, number(costs[unit]))
			failed = append(failed, m.name+" "+unit)
		}
	}
	for _, b := range budgets {
		if !named[b.Name] {
			fmt.Fprintf(table, "%s\t%s\t%s\t\tFAILED: no such measurement\n", b.Name, b.Unit, limit(b))
			failed = append(failed, b.Key.String())
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(all) > 0 && !slices.ContainsFunc(all, func(m measurement) bool { return filter.MatchString(m.name) }) {
		return fmt.Errorf("gate: no measurement matches %s", filter)
	}
	var err error
	if len(broken) > 0 {
		err = fmt.Errorf("%w: %s", errBroken, strings.Join(broken, ", "))
	}
	if len(failed) > 0 {
		err = errors.Join(err, fmt.Errorf("gate: not measured: %s", strings.Join(failed, ", ")))
	}
	return err
}

func describe(b budget.Budget, cost float64) string {
	switch b.Judge(cost) {
	case budget.Broken:
		return "BROKEN"
	case budget.Spare:
		return "kept, and could be lower"
	}
	return "kept"
}

func limit(b budget.Budget) string {
	if b.Tolerance == 0 {
		return number(b.Amount)
	}
	return number(b.Amount) + " ± " + number(b.Tolerance)
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 5, 64) }
