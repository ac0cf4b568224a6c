package main

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headrace-go/headrace/bench/internal/link"
	"github.com/headrace-go/headrace/bench/internal/link/bridge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRun runs all measurements, each for a moment.
func TestRun(t *testing.T) {
	o := options{
		shape: bridge.Shape{Rate: 50e6, Delay: 5 * time.Millisecond, Loss: 0.01}, rounds: 1,
		warm: 50 * time.Millisecond, window: 200 * time.Millisecond, bulk: 2, every: 10 * time.Millisecond, kill: 40,
	}
	if err := o.run(t.Context()); errors.Is(err, link.ErrUnavailable) {
		t.Skipf("no link to measure on: %v", err)
	} else if err != nil {
		t.Error(err)
	}
}

func TestQuantile(t *testing.T) {
	var times []time.Duration
	for i := range 100 {
		times = append(times, time.Duration(100-i))
	}
	for q, want := range map[float64]float64{0: 1, 0.5: 51, 0.99: 100, 1: 100} {
		if got := quantile(times, q); got != want {
			t.Errorf("quantile %v of 1 to 100 = %v, want %v", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("quantile of nothing = %v", got)
	}
}
