package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
)

// baseline is the name of the row that the others are compared with.
const baseline = "direct"

// WriteTable writes the report for a terminal.
func (r *Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	s := r.Settings
	fmt.Fprintf(t, "%s, %s mode; %s, %d cores, Linux %s, %s, %s\n", r.Date.Format(time.DateTime), r.Mode,
		r.Machine.CPU, r.Machine.Cores, r.Machine.Kernel, r.Machine.Go, r.Machine.Congestion)
	fmt.Fprintf(t, "median [min..max] of %d rounds, %v each; took %v\n", s.Rounds, s.Window, r.Took.Round(time.Second))
	for _, section := range r.sections() {
		fmt.Fprintf(t, "\n%s", section.title)
		for _, c := range section.columns {
			fmt.Fprintf(t, "\t%s", c.title)
		}
		fmt.Fprintln(t)
		for _, row := range r.Rows {
			cells := make([]string, len(section.columns))
			for i, c := range section.columns {
				cells[i] = c.cell(r, row)
			}
			if strings.Join(cells, "") != "" {
				fmt.Fprintf(t, "  %s\t%s\n", row.Name, strings.Join(cells, "\t"))
			}
		}
	}
	for _, row := range r.Rows {
		for _, f := range row.Failures {
			fmt.Fprintf(t, "\nFAILED  %s: %s: %s\n", row.Name, f.Phase, f.Err)
			for _, line := range f.Stderr {
				fmt.Fprintf(t, "    %s\n", line)
			}
		}
	}
	return t.Flush()
}

// A section is one block of the table.
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
	spread bool
}

func (r *Report) sections() []section {
	var rate, cpu []column
	for _, direction := range []string{"down", "up"} {
		for _, conns := range []int{1, r.Settings.Many} {
			title := fmt.Sprintf("%d %s", conns, direction)
			rate = append(rate, column{title: title, metric: Throughput(direction, conns), share: true, spread: true})
			cpu = append(cpu, column{title: title, metric: CPU(direction, conns), parts: true})
		}
	}
	return []section{
		{"throughput, MB/s, % of " + baseline, rate},
		{"CPU s per GB (processes)", cpu},
		{"64 bytes there and back, µs", []column{
			{title: "p50", metric: RoundTripP50, spread: true},
			{title: "p95", metric: RoundTripP95, spread: true},
			{title: "p99", metric: RoundTripP99, spread: true},
		}},
		{"set-up with first round trip, µs", []column{
			{title: "first of a client", metric: SetUpFirst, spread: true},
			{title: "next p50", metric: SetUpP50, spread: true},
			{title: "next p95", metric: SetUpP95, spread: true},
		}},
		{fmt.Sprintf("per idle connection of %d", r.Settings.Idle), []column{
			{title: "kB", metric: MemoryIdle, parts: true},
			{title: "fds", metric: FDs},
		}},
	}
}

func (c column) cell(r *Report, row *Row) string {
	f, ok := row.Figures[c.metric]
	if !ok {
		return ""
	}
	text := number(f.Median)
	if c.spread && len(f.Rounds) > 1 {
		text += fmt.Sprintf(" [%s..%s]", number(f.Min), number(f.Max))
	}
	if base := r.Row(baseline); c.share && base != nil && base != row {
		if share, ok := Ratio(f, base.Figures[c.metric]); ok {
			text += fmt.Sprintf(" %.0f%%", 100*share.Median)
		}
	}
	if parts := row.parts(c.metric); c.parts && len(parts) > 1 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text
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
	digits := 0
	if x != 0 {
		digits = min(max(2-int(math.Floor(math.Log10(math.Abs(x)))), 0), 3)
	}
	return fmt.Sprintf("%.*f", digits, x)
}
