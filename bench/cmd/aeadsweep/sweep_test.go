package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/internal/suites"
)

func TestLosing(t *testing.T) {
	sizes := []int{0, 1, 2, 3}
	std := []float64{10, 100, 100, 1000}
	other := []float64{12.9, 104, 90, 1015}
	if got := losing(sizes, std, other, 0.02); !slices.Equal(got, []int{1}) {
		t.Errorf("losing = %v, want [1]: 2.9 ns are negligible, 1.5 %% are noise", got)
	}
	if got := losing(sizes, std, other, 0.01); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("losing with less noise = %v, want [1 3]", got)
	}
}

func TestFloorIgnoresOneInAHundred(t *testing.T) {
	a, b := make([]float64, 100), make([]float64, 100)
	for i := range a {
		a[i], b[i] = 100, 101
	}
	b[7] = 300
	if got := floor(a, b); got < 0.0099 || got > 0.0101 {
		t.Errorf("floor = %v, want 0.01", got)
	}
	b[8] = 200
	if got := floor(a, b); got < 0.99 {
		t.Errorf("floor with two in a hundred = %v, want 1", got)
	}
}

func TestSizesHaveAllRemainders(t *testing.T) {
	seen := make(map[int]bool)
	s := sizes()
	for _, n := range s {
		seen[n%64] = true
	}
	if len(seen) != 64 || s[0] != 0 || s[len(s)-1] != 64<<10 || !slices.IsSorted(s) {
		t.Errorf("sizes: %d remainders by 64, from %d to %d", len(seen), s[0], s[len(s)-1])
	}
}

// TestRun sweeps once: the files are there, complete, and the picture is XML.
func TestRun(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sweep")
	if _, err := run(name, 1, io.Discard); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Count(string(raw), " std-ns/op "), len(suites.All())*2*len(sizes())+3*len(chunkSizes); got != want {
		t.Errorf("%d lines for std, want %d", got, want)
	}
	picture, err := os.ReadFile(name + ".svg")
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(picture)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
