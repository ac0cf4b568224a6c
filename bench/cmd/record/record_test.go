package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/perf/benchfmt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRecordStampsWhatWasMeasured(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.txt")
	var shown bytes.Buffer
	const result = "BenchmarkX 10 100 ns/op\n"
	if err := run(t.Context(), []string{"-o", file, "printf", result}, &shown, io.Discard); err != nil {
		t.Fatal(err)
	}
	if shown.String() != result {
		t.Errorf("shown = %q, want %q", &shown, result)
	}
	text, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	reader := benchfmt.NewReader(text, file)
	if !reader.Scan() {
		t.Fatalf("no result in the file: %v", reader.Err())
	}
	got, ok := reader.Result().(*benchfmt.Result)
	if !ok || got.Name.String() != "X" {
		t.Fatalf("result = %v, want that of X", reader.Result())
	}
	want := map[string]string{
		"go":                              runtime.Version(),
		"processors":                      strconv.Itoa(runtime.NumCPU()),
		"go.uber.org/goleak":              "v1.",
		"kernel":                          " ",
		"golang.org/x/sys":                "v0.",
		"date":                            "",
		"github.com/headrace-go/headrace": "",
	}
	for key, part := range want {
		value := got.GetConfig(key)
		if !strings.Contains(value, part) || (value == "") != (part == "") {
			t.Errorf("%s = %q, want %q in it", key, value, part)
		}
	}
}

func TestFailedCommandLeavesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.txt")
	if err := os.WriteFile(file, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-o", file, "false"}, io.Discard, io.Discard); err == nil {
		t.Error("run of a command that fails succeeded")
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "before" {
		t.Errorf("file = %q, %v, want it untouched", got, err)
	}
}

func TestRecordWantsFileAndCommand(t *testing.T) {
	for _, args := range [][]string{{}, {"-o", "x"}, {"true"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("run(%q) succeeded", args)
		}
	}
}
