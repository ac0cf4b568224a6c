// Package budget reads what operations are allowed to cost and judges what
// they did cost.
//
// A budget file is made for people: one budget per line, as
//
//	name  unit  budget  tolerance  # why
//
// where tolerance is in the unit, or in percent of the budget if it ends in
// "%". Lines that start with # and empty lines are skipped. A budget that was
// not used or a cost that has none is an error of the file, so that neither a
// renamed measurement nor a new one goes unwatched.
package budget

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// A Key names one cost: a unit of a measurement.
type Key struct {
	Name string
	Unit string
}

func (k Key) String() string { return k.Name + " " + k.Unit }

// A Budget is what a cost should be, and how far it may be off.
type Budget struct {
	Key
	Amount    float64
	Tolerance float64 // in the unit
	Why       string
}

// Parse reads a budget file; name is for error messages.
func Parse(r io.Reader, name string) ([]Budget, error) {
	var budgets []Budget
	seen := map[Key]bool{}
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		line, why, _ := strings.Cut(lines.Text(), "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		b, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("budget: %s:%d: %w", name, number, err)
		}
		if seen[b.Key] {
			return nil, fmt.Errorf("budget: %s:%d: %v has a budget already", name, number, b.Key)
		}
		seen[b.Key] = true
		b.Why = strings.TrimSpace(why)
		budgets = append(budgets, b)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("budget: %s: %w", name, err)
	}
	return budgets, nil
}

func parseLine(line string) (Budget, error) {
	fields := strings.Fields(line)
	if len(fields) != 4 {
		return Budget{}, fmt.Errorf("%d fields, want name, unit, budget and tolerance", len(fields))
	}
	amount, err := parseAmount(fields[2])
	if err != nil {
		return Budget{}, fmt.Errorf("budget: %w", err)
	}
	text, percent := strings.CutSuffix(fields[3], "%")
	tolerance, err := parseAmount(text)
	if err != nil {
		return Budget{}, fmt.Errorf("tolerance: %w", err)
	}
	if percent {
		tolerance *= amount / 100
	}
	return Budget{Key: Key{fields[0], fields[1]}, Amount: amount, Tolerance: tolerance}, nil
}

func parseAmount(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, err
	}
	if v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is not an amount", text)
	}
	return v, nil
}

// A Verdict is the outcome for one budget.
type Verdict int

const (
	Kept Verdict = iota
	// Spare: so far below that the budget no longer guards anything.
	Spare
	Broken
)

// Judge compares a cost with its budget.
func (b Budget) Judge(cost float64) Verdict {
	switch {
	case cost > b.Amount+b.Tolerance:
		return Broken
	case cost < b.Amount-b.Tolerance:
		return Spare
	}
	return Kept
}
