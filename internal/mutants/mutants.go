// Package mutants takes single instructions out of assembly and sees that the
// tests of its package fail without them. It is for tests that run when there
// is time to build a package once for each instruction.
package mutants

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A Trial says what to take out and which tests are to find it.
type Trial struct {
	// File is the assembly, in the folder of the test.
	File string
	// Spared are the instructions whose lack shows in no result.
	Spared *regexp.Regexp
	// Tests are the tests to run, as go test -run has them.
	Tests string
	// Mutants is how many instructions are taken out, one at a time; they are
	// chosen by chance, but always the same ones.
	Mutants int
	// Bearable is how many of them may stay undetected: some instructions are
	// for speed, or clear what happens to be clear.
	Bearable int
}

// Run fails t if more mutants survive than are bearable. It takes some seconds
// for each.
func Run(t *testing.T, trial Trial) {
	t.Helper()
	source, err := os.ReadFile(trial.File)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(source), "\n")
	places := instructions(lines, trial.Spared)
	rng := rand.New(rand.NewPCG(7, uint64(len(trial.File))))
	survivors := 0
	for range trial.Mutants {
		i := places[rng.IntN(len(places))]
		name := fmt.Sprintf("%s:%d %s", trial.File, i+1, strings.Join(strings.Fields(lines[i]), " "))
		mutant := slices.Clone(lines)
		mutant[i] = ""
		out, err := Tested(t, trial.File, strings.Join(mutant, "\n"), "-test.timeout=60s", "-test.run="+trial.Tests)
		if err == nil {
			survivors++
			t.Logf("nothing fails without %s", name)
		} else if !strings.Contains(out, "FAIL") && !strings.Contains(out, "goroutine") {
			t.Errorf("without %s: %v\n%s", name, err, out)
		}
	}
	if survivors > trial.Bearable {
		t.Errorf("nothing fails without %d of %d instructions, want at most %d", survivors, trial.Mutants, trial.Bearable)
	}
}

var (
	itself  = regexp.MustCompile(`^\tVPXOR[DQ]? +([XYZ]\d+), ([XYZ]\d+), ([XYZ]\d+)$`)
	neither = regexp.MustCompile(`^\t(PCALIGN|RET|VZEROUPPER)`)
)

// instructions returns where in the lines of an assembly file they are, but not
// those that are spared, nor those that clear registers before a VZEROUPPER:
// that the registers are clear is tested, but most are cleared by more than
// one instruction.
func instructions(lines []string, spared *regexp.Regexp) []int {
	var found []int
	clearing := false
	for i, line := range slices.Backward(lines) {
		m := itself.FindStringSubmatch(line)
		zeroes := m != nil && m[1] == m[2] && m[2] == m[3]
		clearing = clearing && zeroes || strings.Contains(line, "VZEROUPPER")
		if strings.HasPrefix(line, "\t") && !clearing && !neither.MatchString(line) && (spared == nil || !spared.MatchString(line)) {
			found = append(found, i)
		}
	}
	slices.Reverse(found)
	return found
}

// Tested builds the tests of the folder with other contents of a file, runs them
// with flags up to the first that fails, and returns what they print.
func Tested(t *testing.T, file, contents string, flags ...string) (string, error) {
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
	mutant := exec.Command(binary, append(flags, "-test.failfast")...)
	mutant.Env = append(os.Environ(), "HEADRACE_SOAK=")
	out, err := mutant.CombinedOutput()
	return string(out), err
}
