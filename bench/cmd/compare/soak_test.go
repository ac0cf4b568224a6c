package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// HEADRACE_SOAK=1 measures for minutes what CI checks on recorded data. With
// HEADRACE_RECORD set to a directory the raw runs are kept there.
func soak(t *testing.T) {
	t.Helper()
	if os.Getenv("HEADRACE_SOAK") != "1" {
		t.Skip("takes minutes and a quiet machine; set HEADRACE_SOAK=1")
	}
}

// arguments returns the command line for one try.
func arguments(name string, rounds int, old, new string) []string {
	args := []string{"-bench", "Shift|Copy", "-n", fmt.Sprint(rounds), old, new}
	if dir := os.Getenv("HEADRACE_RECORD"); dir != "" {
		args = append([]string{"-o", filepath.Join(dir, name)}, args...)
	}
	return args
}

func TestSoakSameRevision(t *testing.T) {
	soak(t)
	repository(t, 100)
	const tries = 20
	alarms := 0
	for try := range tries {
		var out, progress bytes.Buffer
		err := run(t.Context(), arguments(fmt.Sprintf("same-%02d.txt", try+1), 10, "HEAD", "HEAD"), &out, &progress)
		if err != nil && !errors.Is(err, errWorse) {
			t.Fatal(err)
		}
		if err != nil || strings.Contains(out.String(), " better") {
			alarms++
		}
		t.Logf("try %d: %v\n%s", try+1, err, &out)
	}
	if alarms > 1 {
		t.Errorf("%d of %d tries raised a false alarm, want at most 1", alarms, tries)
	}
}

func TestSoakFivePercent(t *testing.T) {
	soak(t)
	repository(t, 100, 105)
	const tries = 3
	for try := range tries {
		var out, progress bytes.Buffer
		err := run(t.Context(), arguments(fmt.Sprintf("slow5-%d.txt", try+1), 60, "work-100", "work-105"), &out, &progress)
		if !errors.Is(err, errWorse) {
			t.Errorf("try %d: %v, want worse\n%s", try+1, err, &out)
			continue
		}
		t.Logf("try %d: %v\n%s", try+1, err, &out)
	}
}
