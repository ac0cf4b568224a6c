package suites_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/internal/suites"
)

const asked = "HEADRACE_TEST_SUITES"

// TestMain prints, when a test has started this program for it, what the
// environment makes of the suites.
func TestMain(m *testing.M) {
	if os.Getenv(asked) == "" {
		os.Exit(m.Run())
	}
	for _, id := range suites.All() {
		a, err := suites.Default().New(id, make([]byte, id.KeySize()))
		fmt.Printf("%v: %T, %v\n", id, a, err)
		for _, b := range suites.Default().Backends(id) {
			fmt.Printf("%v %s: %s\n", id, b.Name, b.Unavailable)
		}
	}
}

// report is what this program says under an environment.
func report(t *testing.T, env ...string) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), append(env, asked+"=1")...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		if first, _, _ := strings.Cut(string(out), "\n"); strings.HasPrefix(first, "panic: fips140: FIPS 140-3 mode") {
			t.Skipf("the standard library has no FIPS 140 mode here: %s", first)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func has(lines []string, want string) bool {
	return slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, want) })
}

func TestVariableAllowsStdAlone(t *testing.T) {
	lines := report(t, suites.Variable+"=std")
	for _, want := range []string{"AES-256-GCM: *gcm.GCM, <nil>", "\nChaCha20-Poly1305: *chacha20poly1305.chacha20poly1305, <nil>"} {
		if !has(lines, strings.TrimPrefix(want, "\n")) {
			t.Errorf("%s=std: no %q in\n%s", suites.Variable, want, strings.Join(lines, "\n"))
		}
	}
}

// FIPS 140 mode takes approved suites, from the standard library alone.
func TestFIPSMode(t *testing.T) {
	lines := report(t, "GODEBUG=fips140=on")
	for _, want := range []string{
		"AES-128-GCM: *gcm.GCM, <nil>",
		"AES-256-GCM: *gcm.GCM, <nil>",
		"ChaCha20-Poly1305: <nil>, aead: ChaCha20-Poly1305 is not approved in FIPS 140 mode",
		"XChaCha20-Poly1305 std: not approved in FIPS 140 mode",
	} {
		if !has(lines, want) {
			t.Errorf("no %q in\n%s", want, strings.Join(lines, "\n"))
		}
	}
}

// Under fips140=only what the standard library says is what New says.
func TestFIPSOnly(t *testing.T) {
	lines := report(t, "GODEBUG=fips140=only")
	for _, want := range []string{
		"AES-256-GCM: <nil>, crypto/cipher: use of GCM with arbitrary IVs is not allowed in FIPS 140-only mode",
		"ChaCha20-Poly1305: <nil>, chacha20poly1305: use of ChaCha20Poly1305 is not allowed in FIPS 140-only mode",
	} {
		if !has(lines, want) {
			t.Errorf("no %q in\n%s", want, strings.Join(lines, "\n"))
		}
	}
}
