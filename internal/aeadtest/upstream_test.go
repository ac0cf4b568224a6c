package aeadtest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The vectors kept here are those of the module that they are from.
func TestUpstreamVectors(t *testing.T) {
	if os.Getenv("HEADRACE_SOAK") == "" {
		t.Skip("downloads 107 MB: HEADRACE_SOAK is not set")
	}
	const module = "github.com/c2sp/wycheproof@v0.0.0-20260902155932-3fa63dd0344a"
	out, err := exec.Command("go", "mod", "download", "-json", module).Output()
	if err != nil {
		t.Fatalf("go mod download: %v: %s", err, out)
	}
	var where struct{ Dir string }
	if err := json.Unmarshal(out, &where); err != nil {
		t.Fatal(err)
	}
	ours, err := filepath.Glob("testdata/wycheproof/*.json")
	if err != nil || len(ours) != 3 {
		t.Fatalf("vector files: %q, %v", ours, err)
	}
	for _, path := range ours {
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(where.Dir, "testvectors_v1", filepath.Base(path)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the module has", path)
		}
	}
}
