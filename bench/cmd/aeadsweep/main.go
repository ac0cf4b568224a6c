// Aeadsweep measures the AEADs of all suites beside the standard library's, or
// golang.org/x/crypto's, at lengths from 0 to 64 KiB, in one interleaved run,
// and draws how many times as fast they are. Some chunks, two records each, are
// measured as well.
//
//	go run ./bench/cmd/aeadsweep -o bench/results/aead-sweep
//
// writes aead-sweep.txt, in the Go benchmark format with a unit for each
// implementation, and aead-sweep.svg. It prints, for each implementation, where
// it is slower than the standard library's by more than 3 ns and the noise, and
// exits with 1 if that is anywhere.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/headrace-go/headrace/bench/internal/procfs"
	"github.com/headrace-go/headrace/internal/fused"
	"github.com/headrace-go/headrace/internal/suites"
)

func main() {
	output := flag.String("o", "", "write the results to this `name` with .txt and .svg behind it")
	rounds := flag.Int("rounds", 30, "interleaved `rounds` per length; the fastest counts")
	flag.Parse()
	slow, err := run(*output, *rounds, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || slow {
		os.Exit(1)
	}
}

func run(output string, rounds int, stdout io.Writer) (slow bool, err error) {
	var curves []curve
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "# fastest of %d interleaved rounds; std again: the noise\n", rounds)
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	fmt.Fprintf(&raw, "goos: %s\ngoarch: %s\ngo: %s\nkernel: %s\ncpu: %s\nfamily: %s\n",
		runtime.GOOS, runtime.GOARCH, runtime.Version(), bytes.TrimSpace(kernel), procfs.CPUModel(), procfs.CPUFamily())
	for _, id := range suites.All() {
		for _, op := range operations {
			if op.chunks && id.NonceSize() != fused.NonceSize {
				continue
			}
			sizes := sizes()
			if op.chunks {
				sizes = chunkSizes
			}
			times, names, err := sweep(id, op, sizes, rounds)
			if err != nil {
				return false, err
			}
			for j, size := range sizes {
				fmt.Fprintf(&raw, "BenchmarkSweep/suite=%s/op=%s/size=%d 1", id, op.name, size)
				for i, name := range names {
					fmt.Fprintf(&raw, " %.1f %s-ns/op", times[i][j], name)
				}
				raw.WriteByte('\n')
			}
			noise := floor(times[0], times[1])
			fmt.Fprintf(stdout, "%s %s: noise %.1f %%\n", id, op.name, 100*noise)
			std := fastest(times[0], times[1])
			for i, name := range names[2:] {
				c := compare(sizes, std, times[i+2])
				c.name, c.dashed = fmt.Sprintf("%v %s, %s", id, op.name, name), op.name == "open"
				if !op.chunks {
					curves = append(curves, c)
				}
				losses := losing(sizes, std, times[i+2], noise)
				fmt.Fprintf(stdout, "  %s: %.2f to %.2f times as fast; slower at %d lengths %v\n", name, c.least(), c.most(), len(losses), losses)
				slow = slow || len(losses) > 0
			}
		}
	}
	if output == "" {
		return slow, nil
	}
	if err := os.WriteFile(output+".txt", raw.Bytes(), 0o666); err != nil {
		return slow, err
	}
	return slow, os.WriteFile(output+".svg", draw(curves), 0o666)
}
