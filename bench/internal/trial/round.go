package trial

import (
	"context"
	"fmt"
	"time"

	"github.com/headrace-go/headrace/bench/internal/load"
	"github.com/headrace-go/headrace/bench/internal/procfs"
	"github.com/headrace-go/headrace/bench/internal/report"
)

// setUps bounds the connections of one round's set-up measurement.
const setUps = 200

// The open-loop load beside which round trips are measured.
const (
	pingConns = 4
	pingRate  = 1000 // per second, of all
	bulkConns = 4
)

// runRound measures everything that is measured once per round.
func (e *entry) runRound(ctx context.Context, phase string) {
	if e.out {
		return
	}
	s := e.enter(ctx, phase)
	if s == nil || !s.do(s.setUp) || !s.do(s.roundTrip) {
		e.out = true
		return
	}
	for _, direction := range []string{"down", "up"} {
		for _, conns := range []int{1, e.trial.Settings.Many} {
			if !s.do(func(ctx context.Context) error { return s.throughput(ctx, direction, conns) }) {
				e.out = true
				return
			}
		}
	}
	for _, level := range e.trial.Settings.Levels {
		if !s.do(func(ctx context.Context) error { return s.underLoad(ctx, level) }) {
			e.out = true
			return
		}
	}
	if !s.do(s.collection) {
		e.out = true
		return
	}
	s.leave()
}

// collection measures how much of the round's processor time went into
// garbage collection, in programs that publish it.
func (s *stage) collection(ctx context.Context) error {
	pids, debug := s.processes.PIDs(), s.processes.Debug()
	if len(pids) == 0 || len(debug) != len(pids) {
		return nil
	}
	s.begin("collection")
	inside, err := s.generator.Inside(ctx, load.Inside{Limit: s.trial.limit(0), Addresses: debug})
	if err != nil {
		return err
	}
	var collecting, all float64
	for i, role := range s.row.Processes() {
		cpu, err := procfs.CPU(pids[i])
		if err != nil {
			return err
		}
		s.result.Add(report.GC.Of(role), 100*inside[i].GCSeconds/cpu.Seconds())
		collecting += inside[i].GCSeconds
		all += cpu.Seconds()
	}
	s.result.Add(report.GC, 100*collecting/all)
	return nil
}

// setUp measures the first connection of the fresh processes, and then more.
func (s *stage) setUp(ctx context.Context) error {
	s.begin("set-up")
	window := s.trial.Settings.Window / 2
	first, err := s.generator.SetUp(ctx, load.SetUp{Route: s.route, Limit: s.trial.limit(0), Count: 1})
	if err != nil {
		return err
	}
	next, err := s.generator.SetUp(ctx, load.SetUp{Route: s.route, Limit: s.trial.limit(window), Window: window, Count: setUps})
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
		Route: s.route, Limit: s.trial.limit(set.Warm + set.Window), Warm: set.Warm, Window: set.Window,
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
		Route: s.route, Limit: s.trial.limit(set.Warm + set.Window), Warm: set.Warm, Window: set.Window,
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

// underLoad measures round trips beside bulk streams of a fixed rate.
func (s *stage) underLoad(ctx context.Context, level report.Level) error {
	s.begin("at " + level.Name)
	set := s.trial.Settings
	l, err := s.generator.OpenLoop(ctx, load.OpenLoop{
		Route: s.route, Limit: s.trial.limit(set.Warm + set.Window), Warm: set.Warm, Window: set.Window,
		Conns: pingConns, Rate: pingRate, Bulk: bulkConns, BulkRate: level.BytesPerSecond,
	})
	if err != nil {
		return err
	}
	s.result.Add(report.LoadedMBps(level), l.BulkBytesPerSecond/1e6)
	for i, p := range []time.Duration{l.Corrected.P50, l.Corrected.P95, l.Corrected.P99} {
		s.result.Add(report.Loaded(level, report.Percentiles[i]), micros(p))
	}
	for i, p := range []time.Duration{l.Uncorrected.P50, l.Uncorrected.P95, l.Uncorrected.P99} {
		s.result.Add(report.LoadedUncorrected(level, report.Percentiles[i]), micros(p))
	}
	return nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
