package bridge

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestPacerSpacesWakeUps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pacer
		start := time.Now()
		for i := range freeWakes {
			if d := p.wait(time.Now()); d != 0 {
				t.Fatalf("wake-up %d of a burst waits %v", i, d)
			}
		}
		for i := range 100 {
			d := p.wait(time.Now())
			if d != Grain {
				t.Fatalf("wake-up %d after a burst waits %v, want %v", i, d, Grain)
			}
			time.Sleep(d)
		}
		if got := time.Since(start); got != 100*Grain {
			t.Errorf("100 wake-ups beyond the burst took %v, want %v", got, 100*Grain)
		}
		// At rest it earns its burst back, and no more than that.
		time.Sleep(time.Hour)
		for i := range freeWakes {
			if d := p.wait(time.Now()); d != 0 {
				t.Fatalf("wake-up %d after a rest waits %v", i, d)
			}
		}
		if d := p.wait(time.Now()); d != Grain {
			t.Errorf("the wake-up after that waits %v, want %v", d, Grain)
		}
	})
}
