package trial_test

import (
	"testing"

	"github.com/headrace-go/headrace/bench/internal/trial"
)

func TestCheckRise(t *testing.T) {
	before := trial.Footprint{RSS: 5 << 20, FDs: 10}
	for _, c := range []struct {
		name  string
		after trial.Footprint
		ok    bool
	}{
		{"a proxy", trial.Footprint{RSS: 8 << 20, FDs: 2010}, true},
		{"one end of a session", trial.Footprint{RSS: 8 << 20, FDs: 1010}, true},
		{"not the one that carries them", trial.Footprint{RSS: 5<<20 + 1, FDs: 10}, false},
		{"not the one that holds them", trial.Footprint{RSS: 5 << 20, FDs: 2010}, false},
		{"smaller", trial.Footprint{RSS: 4 << 20, FDs: 2010}, false},
	} {
		if err := trial.CheckRise(before, c.after, 1000); (err == nil) != c.ok {
			t.Errorf("%s: CheckRise = %v, want ok = %v", c.name, err, c.ok)
		}
	}
}
