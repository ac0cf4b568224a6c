package trial_test

import (
	"testing"

	"github.com/headrace-go/headrace/bench/internal/trial"
)

func TestCheckRise(t *testing.T) {
	const mem, fds, n = 5 << 20, 10, 1000
	for _, c := range []struct {
		name string
		mem  int64
		fds  int
		ok   bool
	}{
		{"a proxy", 8 << 20, 2010, true},
		{"one end of a session", 8 << 20, 1010, true},
		{"not the one that carries them", mem + 1, 10, false},
		{"not the one that holds them", mem, 2010, false},
		{"smaller", 4 << 20, 2010, false},
	} {
		if err := trial.CheckRise(mem, c.mem, fds, c.fds, n); (err == nil) != c.ok {
			t.Errorf("%s: CheckRise = %v, want ok = %v", c.name, err, c.ok)
		}
	}
}
