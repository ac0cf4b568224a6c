package serve

import "testing"

func TestWave(t *testing.T) {
	var w wave
	for i, step := range []struct {
		parked int
		over   bool
	}{
		{0, false},
		{50, false},   // a few
		{50, false},   // not worth it
		{2000, false}, // still growing
		{2300, false}, // still
		{2300, true},  // calm
		{2300, false}, // once is enough
		{2250, false}, // some wake,
		{2340, false}, // some park
		{2340, false}, // not worth it
		{1000, false}, // many wake
		{2000, false}, // and park again
		{1990, true},  // calm, but for a few
		{1990, false},
	} {
		if over := w.over(step.parked); over != step.over {
			t.Errorf("step %d: over(%d) = %v, want %v", i, step.parked, over, step.over)
		}
	}
}
