package main

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	got, err := parse("+DT:AES-256-GCM:1:1350\n+R:400155:AES-256-GCM:1.010000\n+H:1350\n+F:25:AES-256-GCM:534860643.56\n")
	if err != nil || got != 534860643.56 {
		t.Errorf("parse = %v, %v, want 534860643.56", got, err)
	}
	for _, out := range []string{"", "+H:1350\n", "+F:25:AES-256-GCM:fast\n"} {
		if _, err := parse(out); !errors.Is(err, errNoRate) {
			t.Errorf("parse(%q): %v", out, err)
		}
	}
}

// TestRun measures one size once: each implementation has its line.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes six seconds of openssl speed")
	}
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skipf("no openssl to measure beside ours: %v", err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, 1, []int{1350}); err != nil {
		t.Fatal(err)
	}
	for id := range ciphers {
		for _, impl := range []string{"std", "openssl", "openssl-aead"} {
			if line := "suite=" + id.String() + "/size=1350/impl=" + impl + " 1 "; !strings.Contains(out.String(), line) {
				t.Errorf("no %q", line)
			}
		}
	}
}
