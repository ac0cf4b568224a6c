//go:build !purego

package aesgcm_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/internal/aesgcm"
)

// TestMissingInstructionsAreFound takes single instructions out of the kernels
// and sees that the tests of this package fail without them.
func TestMissingInstructionsAreFound(t *testing.T) {
	if os.Getenv("HEADRACE_SOAK") == "" {
		t.Skip("builds the package once for each instruction: make soak")
	}
	for _, b := range aesgcm.Backends() {
		t.Run(b.Name, func(t *testing.T) {
			if b.Unavailable != "" {
				t.Skip(b.Unavailable)
			}
			file := b.Name + "_amd64.s"
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(source), "\n")
			places := instructions(lines)
			rng := rand.New(rand.NewPCG(7, uint64(len(b.Name))))
			// Some instructions are for speed, or clear what happens to be clear:
			// they are told of, and few.
			const mutants, bearable = 24, 3
			survivors := 0
			for range mutants {
				i := places[rng.IntN(len(places))]
				name := fmt.Sprintf("%s:%d %s", file, i+1, strings.Join(strings.Fields(lines[i]), " "))
				before := lines[i]
				lines[i] = ""
				out, err := tested(t, file, strings.Join(lines, "\n"))
				lines[i] = before
				if err == nil {
					survivors++
					t.Logf("nothing fails without %s", name)
				} else if !strings.Contains(out, "FAIL") && !strings.Contains(out, "goroutine") {
					t.Errorf("without %s: %v\n%s", name, err, out)
				}
			}
			if survivors > bearable {
				t.Errorf("nothing fails without %d of %d instructions, want at most %d", survivors, mutants, bearable)
			}
		})
	}
}

// Clearing a register at the end changes no result; that the wide registers
// are cleared is tested, but by more than one instruction each. Of the detours
// around the edges of pages the results do not tell either, where a mask keeps
// an access from faulting.
var clearing = regexp.MustCompile(`VPXORQ? +([XY]\d+), ([XY]\d+), ([XY]\d+)|VZEROUPPER|PCALIGN|RET|JNE +\w+edge`)

// instructions returns where in the lines of an assembly file they are.
func instructions(lines []string) []int {
	var found []int
	for i, line := range lines {
		if !strings.HasPrefix(line, "\t") {
			continue
		}
		m := clearing.FindStringSubmatch(line)
		if m == nil || m[1] != "" && (m[1] != m[2] || m[2] != m[3]) {
			found = append(found, i)
		}
	}
	return found
}

// tested builds the tests with other contents of a file, and runs them.
func tested(t *testing.T, file, contents string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	changed := filepath.Join(dir, file)
	here, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {here: changed}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	for path, data := range map[string][]byte{changed: []byte(contents), list: overlay} {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(dir, "mutant")
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", list, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	mutant := exec.Command(binary, "-test.failfast", "-test.timeout=60s", "-test.run=^(TestAll|TestStack|TestOpenChunk|TestEdges)")
	mutant.Env = append(os.Environ(), "HEADRACE_SOAK=")
	out, err := mutant.CombinedOutput()
	return string(out), err
}

func TestInstructionsAreListed(t *testing.T) {
	got := instructions([]string{"TEXT x", "\tVPXORQ X16, X16, X16", "\tVPXORQ X16, X17, X16", "loop:", "\tPCALIGN $0x40", "\tJMP loop", "\tRET"})
	if fmt.Sprint(got) != "[2 5]" {
		t.Errorf("instructions = %v, want [2 5]", got)
	}
}
