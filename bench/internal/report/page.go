package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// A chapter is a headline of the page, with the charts below it.
type chapter struct {
	Title, Note string
	Charts      []template.HTML
}

// A block is a section as a table on the page.
type block struct {
	Title   string
	Columns []string
	Rows    []blockRow
}

type blockRow struct {
	Name, Class string
	Cells       []string
}

// WriteHTML writes the report as one page that needs nothing else.
func (r *Report) WriteHTML(w io.Writer) error {
	missed, peers := []Check{}, false
	for _, c := range r.Verdict {
		if c.Missed() {
			missed = append(missed, c)
		}
		peers = peers || c.Peer
	}
	return pageTemplate.Execute(w, struct {
		*Report
		Headline string
		Missed   []Check
		Peers    bool
		Chapters []chapter
		Blocks   []block
	}{r, strings.ReplaceAll(r.headline(), "\n", "; "), missed, peers, r.chapters(), r.blocks()})
}

// chapters draws all charts. Those of one chapter and unit have scales of
// their own: they compare rows, not measurements.
func (r *Report) chapters() []chapter {
	var rate, cpu, memory []template.HTML
	for _, direction := range []string{"down", "up"} {
		for _, conns := range []int{1, r.Settings.Many} {
			title := fmt.Sprintf("%d connections %s", conns, direction)
			if conns == 1 {
				title = "1 connection " + direction
			}
			rate = append(rate, r.bars(title, "MB/s, % of "+baseline, column{metric: Throughput(direction, conns), share: true}, 0))
			cpu = append(cpu, r.bars(title, "CPU s per GB", column{metric: CPU(direction, conns), parts: true}, 0))
		}
	}
	latency := []template.HTML{r.dots("one after the other, nothing beside", "µs: p50 · p95 · p99", []Metric{RoundTripP50, RoundTripP95, RoundTripP99}, 0)}
	for _, l := range r.Settings.Levels {
		latency = append(latency,
			r.dots("at a fixed rate beside "+l.Name+", from the intended start", "µs: p50 · p95 · p99", []Metric{Loaded(l, "p50"), Loaded(l, "p95"), Loaded(l, "p99")}, 0),
			r.dots("the same, uncorrected", "µs: p50 · p95 · p99", []Metric{LoadedUncorrected(l, "p50"), LoadedUncorrected(l, "p95"), LoadedUncorrected(l, "p99")}, 0))
	}
	latency = append(latency, r.dots("set-up of a connection with its first round trip", "µs: p50 · p95 · first of a client", []Metric{SetUpP50, SetUpP95, SetUpFirst}, float64(mostSetUp.Microseconds())))
	for _, s := range []struct {
		title  string
		metric Metric
	}{
		{"idle after one round trip", MemoryIdle},
		{"idle, " + r.afterBulk(), MemoryAfter},
		{"all of them moving", MemoryMoving},
		{"all of them stuck on peers that never read", MemoryStuck},
	} {
		memory = append(memory, r.bars(s.title, "kB per connection", column{metric: s.metric, parts: true}, mostMemory))
	}
	return []chapter{
		{"Throughput", "Longer is better. Every byte is checked by its receiver. The whiskers are the lowest and the highest round.", rate},
		{"Processor time of the proxy", "Shorter is better. All of the row's processes; the lighter part is the second one (the client).", cpu},
		{"Latency of 64 bytes", "Further left is better. Logarithmic scales.", latency},
		{"Memory", fmt.Sprintf("Shorter is better. Resident memory of the row's processes, with %d connections; the dashed line is the bound.", r.Settings.Idle), memory},
	}
}

// blocks are the sections as tables, with every figure of the report.
func (r *Report) blocks() []block {
	var blocks []block
	for _, s := range r.sections() {
		if s.empty(r) {
			continue
		}
		b := block{Title: s.title}
		for _, c := range s.columns {
			b.Columns = append(b.Columns, c.title)
		}
		for _, row := range r.Rows {
			line := blockRow{Name: row.Name, Class: row.class()}
			for _, c := range s.columns {
				line.Cells = append(line.Cells, c.cell(r, row))
			}
			if strings.Join(line.Cells, "") != "" {
				b.Rows = append(b.Rows, line)
			}
		}
		blocks = append(blocks, b)
	}
	return blocks
}
