package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/benchrun"
)

// One allocation in ten more is a change that no noise hides, so this whole
// run has one possible outcome.
func TestRunFindsMoreAllocations(t *testing.T) {
	repository(t, 10, 11)
	var out, progress bytes.Buffer
	raw := filepath.Join(t.TempDir(), "raw.txt")
	err := run(t.Context(), []string{"-bench", "Make", "-n", "7", "-benchtime", "20x", "-o", raw, "work-10", "work-11"}, &out, &progress)
	if !errors.Is(err, errWorse) || !strings.Contains(err.Error(), "allocs/op") || !strings.Contains(err.Error(), "B/op") {
		t.Errorf("run = %v, want worse allocs/op and B/op\n%s", err, &out)
	}
	for _, want := range []string{"old: work-10", "new: work-11", "10.00", "11.00", "+10.0%"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if again := run(t.Context(), []string{"-read", raw}, io.Discard, io.Discard); again == nil || again.Error() != err.Error() {
		t.Errorf("judging the recorded run again = %v, want %v", again, err)
	}
}

func TestRunTakesTheWorkingTree(t *testing.T) {
	repository(t, 11)
	write(t, "spin_test.go", strings.Replace(spin, "%d", "10", 1))
	var out bytes.Buffer
	err := run(t.Context(), []string{"-bench", "Make", "-n", "7", "-benchtime", "20x", "HEAD"}, &out, io.Discard)
	if err != nil && strings.Contains(err.Error(), "allocs/op") {
		t.Errorf("run = %v, want fewer allocations to pass", err)
	}
	for _, want := range []string{"working tree", "-dirty", "-9.1%"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestRunThatCannot(t *testing.T) {
	repository(t, 10)
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no revision", nil, "want one or two revisions"},
		{"unknown revision", []string{"nowhere"}, `no revision "nowhere"`},
		{"no package", []string{"-bench", "X", "-pkg", "./nowhere", "HEAD"}, `no benchmark matches "X" in both revisions of ./nowhere`},
		{"too few rounds", []string{"-bench", "Make", "-n", "3", "HEAD"}, "need at least 6 rounds"},
		{"no rounds", []string{"-n", "0", "HEAD"}, "at least one round"},
		{"no recording", []string{"-read", "missing.txt"}, "missing.txt"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := run(t.Context(), tt.args, io.Discard, io.Discard)
			if err == nil || errors.Is(err, errWorse) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("run(%q) = %v, want %q", tt.args, err, tt.want)
			}
		})
	}
}

// interrupter cancels the run at the first sign of progress.
type interrupter struct{ cancel context.CancelFunc }

func (i interrupter) Write(p []byte) (int, error) { i.cancel(); return len(p), nil }

func TestInterruptedRunCleansUp(t *testing.T) {
	repository(t, 10, 11) // whose cleanup looks for leftovers
	ctx, cancel := context.WithCancel(t.Context())
	err := run(ctx, []string{"-bench", "Make", "-benchtime", "20x", "work-10", "work-11"}, io.Discard, interrupter{cancel})
	if err == nil || errors.Is(err, errWorse) {
		t.Errorf("interrupted run = %v, want an error", err)
	}
}

// recorded judges a committed run of two revisions of the fixture.
func recorded(t *testing.T, file string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), []string{"-read", file}, &out, io.Discard)
	return out.String(), err
}

// The positive control: one run of the fixture with 100 against 105 units of
// work, 60 rounds.
func TestRecordedSlowdownIsFound(t *testing.T) {
	out, err := recorded(t, "testdata/slow5.txt")
	if !errors.Is(err, errWorse) {
		t.Fatalf("run = %v, want worse\n%s", err, out)
	}
	for _, name := range []string{"Shift-2 sec/op", "Copy-2 sec/op"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not among what got worse: %v\n%s", name, err, out)
		}
	}
}

// Twenty runs of one revision against itself, 10 rounds each, recorded one
// after the other with nothing left out.
func TestRecordedSameRevisionIsSilent(t *testing.T) {
	files, err := filepath.Glob("testdata/same/*.txt")
	if err != nil || len(files) != 20 {
		t.Fatalf("%d recorded runs (%v), want 20", len(files), err)
	}
	alarms := 0
	for _, file := range files {
		out, err := recorded(t, file)
		if err != nil || strings.Contains(out, " better") {
			alarms++
			t.Logf("%s: %v\n%s", file, err, out)
		}
	}
	if alarms > 1 {
		t.Errorf("%d of %d runs raised a false alarm, want at most 1", alarms, len(files))
	}
}

func TestJudgeWantsAllSides(t *testing.T) {
	if _, err := judge(&benchrun.Log{}, 0); err == nil {
		t.Error("judge of an empty log succeeded")
	}
}
