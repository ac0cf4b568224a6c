//go:build !purego

package aesgcm

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/internal/cpufeat"
)

// TestKernelsAskForWhatTheyUse: the generator writes above each function which
// extensions its instructions need.
func TestKernelsAskForWhatTheyUse(t *testing.T) {
	for file, needed := range map[string]cpufeat.Feature{
		"setup_amd64.s": needYMM,
		"ymm_amd64.s":   needYMM,
		"zmm_amd64.s":   needZMM,
	} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		asked := strings.Fields(needed.String())
		found := regexp.MustCompile(`(?m)^// Requires: (.*)$`).FindAllSubmatch(source, -1)
		if len(found) == 0 {
			t.Errorf("%s does not say what it requires", file)
		}
		for _, m := range found {
			for _, f := range strings.Split(string(m[1]), ", ") {
				// Every amd64 processor has CMOV.
				if f != "CMOV" && !slices.Contains(asked, f) {
					t.Errorf("%s needs %s, and does not ask for it", file, f)
				}
			}
		}
	}
}
