package bridge_test

import (
	"testing"
	"time"

	"github.com/headrace-go/headrace/bench/internal/link/bridge"
)

func TestShapeResolve(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   bridge.Shape
		want bridge.Shape
	}{
		{"zero", bridge.Shape{}, bridge.Shape{Rate: 1e9, Delay: 10 * time.Millisecond, Queue: 2_500_000}},
		{"rate", bridge.Shape{Rate: 80e6}, bridge.Shape{Rate: 80e6, Delay: 10 * time.Millisecond, Queue: 200_000}},
		{"delay", bridge.Shape{Delay: time.Second}, bridge.Shape{Rate: 1e9, Delay: time.Second, Queue: 250_000_000}},
		{"no delay", bridge.Shape{Delay: -1}, bridge.Shape{Rate: 1e9, Queue: 15_000}},
		{"no queue", bridge.Shape{Queue: -1}, bridge.Shape{Rate: 1e9, Delay: 10 * time.Millisecond}},
		{"all", bridge.Shape{Rate: 1, Delay: 1, Queue: 1}, bridge.Shape{Rate: 1, Delay: 1, Queue: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := tt.in.Resolve(); err != nil || got != tt.want {
				t.Errorf("Resolve(%+v) = %+v, %v, want %+v", tt.in, got, err, tt.want)
			}
		})
	}
	for _, s := range []bridge.Shape{
		{Rate: -1}, {Rate: 1e11 + 1}, {Delay: 11 * time.Second}, {Queue: 1<<30 + 1}, {Rate: 1e11, Delay: time.Second},
	} {
		if got, err := s.Resolve(); err == nil {
			t.Errorf("Resolve(%+v) = %+v, want an error", s, got)
		}
	}
}
