package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteTable writes the report for a terminal.
func (r *Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, r.headline())
	for _, section := range r.sections() {
		if section.empty(r) {
			continue
		}
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
	fmt.Fprintf(t, "\nverdict\tmeasured\tbound\n")
	for _, c := range r.Verdict {
		if word := map[bool]string{true: "met   ", false: "MISSED"}[c.Met]; !c.Peer {
			fmt.Fprintf(t, "  %s  %s: %s\t%s\t%s\n", word, c.Row, c.What, c.Measured, c.Bound)
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

// headline says what, where and how.
func (r *Report) headline() string {
	m, s := r.Machine, r.Settings
	text := fmt.Sprintf("%s, %s mode, %s, %d cores, %s %s, %s, TCP %s\nmedian [lowest..highest] of %d rounds, %v per measurement; took %v",
		r.Date.Format(time.DateTime), r.Mode, m.CPU, m.Cores, m.OS, m.Kernel, m.Go, m.Congestion,
		s.Rounds, s.Window, r.Took.Round(time.Second))
	if l := r.Link; l != nil {
		text += fmt.Sprintf("\nlink: %.0f Mbit/s, %v each way, queue of %d kB, TCP %s; bare TCP sees %v there and back, %.0f Mbit/s up and %.0f down",
			float64(l.Rate)/1e6, l.Delay, l.Queue/1000, strings.Join(l.CongestionControl[:], " and "),
			l.Measured.RoundTrip.Round(10*time.Microsecond), l.Measured.Up/1e6, l.Measured.Down/1e6)
	}
	names := slices.Sorted(maps.Keys(r.Versions))
	for i, name := range names {
		names[i] = name + " " + r.Versions[name]
	}
	if len(names) > 0 {
		text += "\npeers: " + strings.Join(names, ", ")
	}
	return text
}
