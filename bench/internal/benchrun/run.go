package benchrun

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"
)

// A Bounds limits one run.
type Bounds struct {
	// Time is the value of -test.benchtime: a duration, or a count like 100x.
	Time string
	// Limit ends the process. Zero means one minute.
	Limit time.Duration
}

// Run starts the binary with the benchmarks that match pattern (in the form of
// go test's -bench) and returns what they measured, and the metadata of units
// that they declared. It fails if a benchmark fails or if one result cannot be
// read: half a measurement is none.
func (b Binary) Run(ctx context.Context, pattern string, bounds Bounds) ([]*benchfmt.Result, benchfmt.UnitMetadataMap, error) {
	if bounds.Limit == 0 {
		bounds.Limit = time.Minute
	}
	limited, cancel := context.WithTimeout(ctx, bounds.Limit)
	defer cancel()
	cmd := exec.CommandContext(limited, b.path,
		"-test.run=^$", "-test.bench="+pattern, "-test.benchtime="+bounds.Time,
		"-test.count=1", "-test.cpu="+strconv.Itoa(runtime.GOMAXPROCS(0)))
	cmd.Dir = b.dir
	cmd.Env = os.Environ()
	// A grandchild that keeps the pipe open must not keep us waiting.
	cmd.WaitDelay = time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		if limited.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("still running after %v", bounds.Limit)
		}
		return nil, nil, fmt.Errorf("benchrun: %s in %s: %w\n%s", pattern, b.Package, err, bytes.TrimSpace(output.Bytes()))
	}
	return parse(output.Bytes(), pattern)
}

func parse(output []byte, from string) ([]*benchfmt.Result, benchfmt.UnitMetadataMap, error) {
	reader := benchfmt.NewReader(bytes.NewReader(output), from)
	var results []*benchfmt.Result
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.Result:
			results = append(results, record.Clone())
		case *benchfmt.SyntaxError:
			return nil, nil, fmt.Errorf("benchrun: unreadable result: %w", record)
		}
	}
	return results, reader.Units(), reader.Err()
}

// Pattern returns the -bench pattern that matches exactly the benchmark whose
// result carries this name.
func Pattern(name string) string {
	if procs := runtime.GOMAXPROCS(0); procs > 1 {
		name = strings.TrimSuffix(name, "-"+strconv.Itoa(procs))
	}
	elements := strings.Split("Benchmark"+name, "/")
	for i, element := range elements {
		elements[i] = "^" + regexp.QuoteMeta(element) + "$"
	}
	return strings.Join(elements, "/")
}
