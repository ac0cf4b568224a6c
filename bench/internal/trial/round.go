package trial

import (
	"context"
	"fmt"
	"time"

	"github.com/headrace-go/headrace/bench/internal/load"
	"github.com/headrace-go/headrace/bench/internal/report"
)

// setUps bounds the connections of one round's set-up measurement.
const setUps = 200

// round measures everything that is measured once per round.
func (e *entry) round(ctx context.Context, s *stage) error {
	if err := s.setUp(ctx); err != nil {
		return err
	}
	if err := s.roundTrip(ctx); err != nil {
		return err
	}
	for _, direction := range []string{"down", "up"} {
		for _, conns := range []int{1, e.trial.Settings.Many} {
			if err := s.throughput(ctx, direction, conns); err != nil {
				return err
			}
		}
	}
	return nil
}

// setUp measures the first connection of the fresh processes, and then more.
func (s *stage) setUp(ctx context.Context) error {
	s.begin("set-up")
	window := s.trial.Settings.Window / 2
	first, err := s.generator.SetUp(ctx, load.SetUp{Route: s.route, Limit: s.limit(0), Count: 1})
	if err != nil {
		return err
	}
	next, err := s.generator.SetUp(ctx, load.SetUp{Route: s.route, Limit: s.limit(window), Window: window, Count: setUps})
	if err != nil {
		return err
	}
	s.result.Add(report.SetUpFirst, micros(first.Max))
	s.result.Add(report.SetUpP50, micros(next.P50))
	s.result.Add(report.SetUpP95, micros(next.P95))
	return nil
}

func (s *stage) roundTrip(ctx context.Context) error {
	s.begin("round trip")
	set := s.trial.Settings
	l, err := s.generator.RoundTrip(ctx, load.RoundTrip{
		Route: s.route, Limit: s.limit(set.Warm + set.Window), Warm: set.Warm, Window: set.Window,
	})
	if err != nil {
		return err
	}
	s.result.Add(report.RoundTripP50, micros(l.P50))
	s.result.Add(report.RoundTripP95, micros(l.P95))
	s.result.Add(report.RoundTripP99, micros(l.P99))
	return nil
}

func (s *stage) throughput(ctx context.Context, direction string, conns int) error {
	s.begin(fmt.Sprintf("%s %d", direction, conns))
	set := s.trial.Settings
	flow, err := s.generator.Throughput(ctx, load.Throughput{
		Route: s.route, Limit: s.limit(set.Warm + set.Window), Warm: set.Warm, Window: set.Window,
		Conns: conns, Up: direction == "up", PIDs: s.processes.PIDs(),
	})
	if err != nil {
		return err
	}
	s.result.Add(report.Throughput(direction, conns), flow.BytesPerSecond/1e6)
	var sum float64
	cpu := report.CPU(direction, conns)
	for i, role := range s.row.Processes() {
		perGB := flow.CPU[i].Seconds() / flow.BytesPerSecond * 1e9
		s.result.Add(cpu.Of(role), perGB)
		sum += perGB
	}
	if len(flow.CPU) > 0 {
		s.result.Add(cpu, sum)
	}
	return nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
