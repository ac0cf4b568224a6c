package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/headrace-go/headrace/bench/internal/benchrun"
	"github.com/headrace-go/headrace/bench/internal/paired"
)

// measure builds both sides and runs all rounds. Everything it puts on the
// disk is gone when it returns.
func measure(ctx context.Context, c config, stdout, stderr io.Writer) (log *benchrun.Log, err error) {
	here, err := benchrun.WorkingTree(ctx, ".")
	if err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "compare-")
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()

	older, err := benchrun.Checkout(ctx, here.Dir, c.old, filepath.Join(temp, "old"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, benchrun.Remove(here.Dir, older)) }()
	newer := here
	if c.new != "" {
		newer, err = benchrun.Checkout(ctx, here.Dir, c.new, filepath.Join(temp, "new"))
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, benchrun.Remove(here.Dir, newer)) }()
	}
	fmt.Fprintf(stdout, "old: %s\nnew: %s\nrounds: %d of %s, seed %d\n", older.Label, newer.Label, c.rounds, c.bounds.Time, c.seed)

	candidates, err := prepare(ctx, c, older, newer, temp, stdout)
	if err != nil {
		return nil, err
	}
	return interleave(ctx, c, candidates, stderr)
}

// A candidate is one benchmark that both sides have.
type candidate struct {
	name     string
	pattern  string
	old, new benchrun.Binary
}

// prepare compiles the chosen packages of both trees and finds the benchmarks
// that both have, by running each once. That run also warms the page cache.
func prepare(ctx context.Context, c config, older, newer benchrun.Tree, temp string, stdout io.Writer) ([]candidate, error) {
	oldDirs, err := older.Packages(ctx, c.packages)
	if err != nil {
		return nil, err
	}
	newDirs, err := newer.Packages(ctx, c.packages)
	if err != nil {
		return nil, err
	}
	var candidates []candidate
	units := map[string]bool{}
	for _, dir := range newDirs {
		if !slices.Contains(oldDirs, dir) {
			fmt.Fprintf(stdout, "only in new: package %s\n", dir)
			continue
		}
		found, err := pair(ctx, c, dir, older, newer, temp, units, stdout)
		if err != nil {
			return nil, err
		}
		candidates = append(candidates, found...)
	}
	for _, dir := range oldDirs {
		if !slices.Contains(newDirs, dir) {
			fmt.Fprintf(stdout, "only in old: package %s\n", dir)
		}
	}
	if len(candidates) == 0 {
		return nil, fmt.Errorf("compare: no benchmark matches %q in both revisions of %s", c.bench, strings.Join(c.packages, ", "))
	}
	if least := paired.MinRounds(len(units), paired.DefaultAlpha); c.rounds < least {
		return nil, fmt.Errorf("compare: -n %d: up to %d comparisons need at least %d rounds for any verdict", c.rounds, len(units), least)
	}
	return candidates, nil
}

// pair finds the benchmarks that both sides of one package have, and adds what
// they measure to units.
func pair(ctx context.Context, c config, dir string, older, newer benchrun.Tree, temp string, units map[string]bool, stdout io.Writer) ([]candidate, error) {
	var binaries [2]benchrun.Binary
	var names [2][]string
	for i, tree := range []benchrun.Tree{older, newer} {
		out := filepath.Join(temp, [...]string{"oldbin", "newbin"}[i])
		binary, err := tree.Build(ctx, dir, out)
		if err != nil {
			return nil, err
		}
		once := benchrun.Bounds{Time: "1x", Limit: c.bounds.Limit}
		results, _, err := binary.Run(ctx, c.bench, once)
		if err != nil {
			return nil, err
		}
		binaries[i] = binary
		for _, result := range results {
			names[i] = append(names[i], result.Name.String())
			for _, value := range result.Values {
				units[dir+" "+result.Name.String()+" "+value.Unit] = true
			}
		}
	}
	var found []candidate
	for _, name := range names[1] {
		if !slices.Contains(names[0], name) {
			fmt.Fprintf(stdout, "only in new: %s\n", name)
			continue
		}
		found = append(found, candidate{name, benchrun.Pattern(name), binaries[0], binaries[1]})
	}
	for _, name := range names[0] {
		if !slices.Contains(names[1], name) {
			fmt.Fprintf(stdout, "only in old: %s\n", name)
		}
	}
	return found, nil
}

// interleave runs the rounds. The order within a round is random, since the
// statistics rest on nothing else.
func interleave(ctx context.Context, c config, candidates []candidate, stderr io.Writer) (*benchrun.Log, error) {
	rng := rand.New(rand.NewPCG(c.seed, 0))
	log := &benchrun.Log{}
	sides := []string{benchrun.SideA1, benchrun.SideA2, benchrun.SideB}
	for round := range c.rounds {
		fmt.Fprintf(stderr, "round %d of %d\n", round+1, c.rounds)
		for _, candidate := range candidates {
			rng.Shuffle(len(sides), func(i, j int) { sides[i], sides[j] = sides[j], sides[i] })
			for _, side := range sides {
				binary := candidate.old
				if side == benchrun.SideB {
					binary = candidate.new
				}
				results, units, err := binary.Run(ctx, candidate.pattern, c.bounds)
				if err != nil {
					return nil, err
				}
				if len(results) != 1 {
					return nil, fmt.Errorf("compare: %s printed %d results, want one", candidate.name, len(results))
				}
				log.Add(round, side, results, units)
			}
		}
	}
	return log, nil
}
