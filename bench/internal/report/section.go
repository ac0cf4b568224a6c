package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A section is a group of figures that are shown together: a block of the
// terminal's table, and of the page's.
type section struct {
	title   string
	columns []column
}

// A column shows one metric.
type column struct {
	title  string
	metric Metric
	share  bool // also in percent of the baseline
	parts  bool // also of each process
	spread bool // also the lowest and the highest round
}

// sections are all figures of the report, in the order of reading.
func (r *Report) sections() []section {
	var rate, cpu []column
	for _, direction := range []string{"down", "up"} {
		for _, conns := range []int{1, r.Settings.Many} {
			title := fmt.Sprintf("%d %s", conns, direction)
			rate = append(rate, column{title: title, metric: Throughput(direction, conns), share: true, spread: true})
			cpu = append(cpu, column{title: title, metric: CPU(direction, conns), parts: true})
		}
	}
	all := []section{
		{"throughput, MB/s (% of " + baseline + ")", rate},
		{"CPU s per GB", cpu},
		{"garbage collection, % of CPU", []column{{title: "over a round", metric: GC, parts: true, spread: true}}},
		{"64 bytes there and back, µs", []column{
			{title: "p50", metric: RoundTripP50, share: true, spread: true},
			{title: "p95", metric: RoundTripP95, share: true, spread: true},
			{title: "p99", metric: RoundTripP99, share: true, spread: true},
		}},
	}
	for _, l := range r.Settings.Levels {
		columns := []column{{title: "MB/s", metric: LoadedMBps(l)}}
		for _, p := range Percentiles {
			columns = append(columns, column{title: p, metric: Loaded(l, p), share: true, spread: true})
		}
		for _, p := range Percentiles {
			columns = append(columns, column{title: "uncorrected " + p, metric: LoadedUncorrected(l, p)})
		}
		all = append(all, section{"the same, open loop, beside " + l.Name + ", µs", columns})
	}
	return append(all,
		section{"set-up with first round trip, µs", []column{
			{title: "first of a client", metric: SetUpFirst, spread: true},
			{title: "next p50", metric: SetUpP50, share: true, spread: true},
			{title: "next p95", metric: SetUpP95, share: true, spread: true},
		}},
		section{fmt.Sprintf("kB per connection of %d", r.Settings.Idle), []column{
			{title: "idle", metric: MemoryIdle, parts: true},
			{title: r.afterBulk(), metric: MemoryAfter, parts: true},
			{title: "all moving", metric: MemoryMoving, parts: true},
			{title: "all stuck", metric: MemoryStuck, parts: true},
		}},
		section{"per idle connection", []column{
			{title: "fds", metric: FDs},
			{title: "goroutines", metric: Goroutines},
		}},
	)
}

// afterBulk names the second state of memory.
func (r *Report) afterBulk() string {
	return fmt.Sprintf("%.0f s after %d KiB each way", r.Settings.Quiet.Seconds(), r.Settings.Exchange>>10)
}

// empty reports whether no row has a figure for the section.
func (s section) empty(r *Report) bool {
	for _, row := range r.Rows {
		for _, c := range s.columns {
			if _, ok := row.Figures[c.metric]; ok {
				return false
			}
		}
	}
	return true
}

// cell is what the column says of a row, or "" if nothing is known.
func (c column) cell(r *Report, row *Row) string {
	f, ok := row.Figures[c.metric]
	if !ok {
		return ""
	}
	text := number(f.Median)
	if c.spread && len(f.Rounds) > 1 {
		text += fmt.Sprintf(" [%s..%s]", number(f.Min), number(f.Max))
	}
	if share, ok := r.share(row, c.metric); c.share && ok {
		text += " " + percent(share.Median)
	}
	if parts := row.parts(c.metric); c.parts && len(parts) > 1 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	if c.metric == SetUpP50 {
		text += " (" + row.Warm + ")"
	}
	return text
}

// share compares a row with the baseline. ok is false for the baseline itself.
func (r *Report) share(row *Row, m Metric) (f Figure, ok bool) {
	base := r.Row(baseline)
	if base == nil || base == row {
		return Figure{}, false
	}
	return Ratio(row.Figures[m], base.Figures[m])
}

// parts returns the figures of a metric for each process.
func (row *Row) parts(m Metric) []string {
	var parts []string
	for _, name := range row.Processes {
		if f, ok := row.Figures[m.Of(name)]; ok {
			parts = append(parts, name+" "+number(f.Median))
		}
	}
	return parts
}

// number writes x with three significant digits, or all before the point.
func number(x float64) string {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'e', 2, 64), 64)
	digits := 0
	if rounded != 0 {
		digits = min(max(2-int(math.Floor(math.Log10(math.Abs(rounded)))), 0), 3)
	}
	return strconv.FormatFloat(x, 'f', digits, 64)
}

func percent(share float64) string {
	if share >= 10 {
		return fmt.Sprintf("x%.0f", share)
	}
	return fmt.Sprintf("%.0f%%", 100*share)
}
