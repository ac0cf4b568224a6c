package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
)

// The measures of a chart, in the units of its drawing.
const (
	chartWidth = 540
	nameWidth  = 128 // for the rows' names, left
	barNote    = 100 // for the figures, right
	dotNote    = 150
	rowHeight  = 24
	topHeight  = 30 // for the title
	axisHeight = 20
)

// frame draws what all charts share: title, scale and the rows' names. unit
// stands beside the title.
func (r *Report) frame(title, unit string, rows []*Row, a axis, ticks []float64) *drawing {
	height := topHeight + len(rows)*rowHeight + axisHeight
	d := newDrawing(chartWidth, height, title)
	d.text("title", 0, 14, title)
	d.text("unit", chartWidth, 14, unit)
	bottom := float64(height - axisHeight)
	for _, t := range ticks {
		d.line("grid", a.at(t), topHeight-6, a.at(t), bottom)
		d.text("tick", a.at(t), bottom+14, tickLabel(t))
	}
	for i, row := range rows {
		d.text("name", nameWidth-8, middle(i)+4, row.Name)
	}
	return d
}

// middle is the height of row number i.
func middle(i int) float64 { return topHeight + (float64(i)+0.5)*rowHeight }

// compact writes v with three digits at most.
func compact(v float64) string {
	switch {
	case v >= 1e6:
		return number(v/1e6) + "M"
	case v >= 1e4:
		return number(v/1e3) + "k"
	}
	return number(v)
}

// tickLabel writes a round number.
func tickLabel(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%gM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%gk", v/1e3)
	}
	return fmt.Sprintf("%.4g", v)
}

// class is how a row is coloured.
func (row *Row) class() string {
	switch {
	case row.Name == baseline:
		return "base"
	case row.Peer:
		return "peer"
	}
	return "ours"
}

// having returns the rows to show for a metric, nil if none has a figure of
// it: all, since a gap says something too; but the baseline has no processes.
func (r *Report) having(m Metric) []*Row {
	has := func(row *Row) bool { _, ok := row.Figures[m]; return ok }
	if !slices.ContainsFunc(r.Rows, has) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.Rows), func(row *Row) bool { return row.Name == baseline && !has(row) })
}

// gap stands where a row has no figure.
const gap = "not measured"

// bars draws a metric as bars from zero, whiskers from the lowest to the
// highest round, and, where a row has several processes and the column asks
// for it, each one's part. A bound is on the scale, unless it is 0.
func (r *Report) bars(title, unit string, c column, bound float64) template.HTML {
	rows := r.having(c.metric)
	if len(rows) == 0 {
		return ""
	}
	top := bound
	for _, row := range rows {
		top = max(top, row.Figures[c.metric].Max)
	}
	a, ticks := linear(top, nameWidth, chartWidth-barNote)
	d := r.frame(title, unit, rows, a, ticks)
	for i, row := range rows {
		f, ok := row.Figures[c.metric]
		y := middle(i)
		if !ok {
			d.text("unit start", a.left+6, y+4, gap)
			continue
		}
		x := a.left
		for k, part := range row.stack(c) {
			class := row.class()
			if k%2 == 1 {
				class += " second"
			}
			end := x + a.at(part) - a.left
			d.rect(class, x, y-8, end-x, 16)
			x = end
		}
		if f.Max > f.Min {
			d.line("whisker", a.at(f.Min), y, a.at(f.Max), y)
			d.line("whisker", a.at(f.Min), y-4, a.at(f.Min), y+4)
			d.line("whisker", a.at(f.Max), y-4, a.at(f.Max), y+4)
		}
		note := number(f.Median)
		if share, ok := r.share(row, c.metric); c.share && ok {
			note += "  " + percent(share.Median)
		}
		d.text("note", chartWidth-barNote+10, y+4, note)
	}
	if bound > 0 {
		d.bound(a.at(bound), len(rows))
	}
	return d.html()
}

// bound draws the line that bars or dots should not cross.
func (d *drawing) bound(x float64, rows int) {
	d.line("bound", x, topHeight-6, x, float64(topHeight+rows*rowHeight))
}

// stack returns the lengths of a bar's parts.
func (row *Row) stack(c column) []float64 {
	var parts []float64
	if c.parts {
		for _, name := range row.Processes {
			if f, ok := row.Figures[c.metric.Of(name)]; ok {
				parts = append(parts, max(f.Median, 0))
			}
		}
	}
	if len(parts) < 2 {
		return []float64{max(row.Figures[c.metric].Median, 0)}
	}
	return parts
}

// dots draws several metrics of each row as dots on one logarithmic scale,
// joined by a line; the first is filled, the last is a ring.
func (r *Report) dots(title, unit string, metrics []Metric, bound float64) template.HTML {
	rows := r.having(metrics[0])
	if len(rows) == 0 {
		return ""
	}
	lo, hi := math.Inf(1), 0.0
	for _, row := range rows {
		for _, m := range metrics {
			if v := row.Figures[m].Median; v > 0 {
				lo, hi = min(v, lo), max(v, hi)
			}
		}
	}
	a, ticks := logarithmic(lo, hi, nameWidth+8, chartWidth-dotNote)
	d := r.frame(title, unit, rows, a, ticks)
	for i, row := range rows {
		y := middle(i)
		var places []float64
		note := ""
		for _, m := range metrics {
			v := row.Figures[m].Median
			if v <= 0 {
				continue
			}
			places = append(places, a.at(v))
			if note != "" {
				note += " · "
			}
			note += compact(v)
		}
		if len(places) == 0 {
			d.text("unit start", a.left+6, y+4, gap)
			continue
		}
		d.line(row.class()+" span", slices.Min(places), y, slices.Max(places), y)
		for k, x := range places {
			class := row.class()
			if k == len(places)-1 {
				class += " ring"
			}
			d.circle(class, x, y, 5-float64(min(k, 1)))
		}
		d.text("note", chartWidth-dotNote+10, y+4, note)
	}
	if bound >= a.lo && bound <= a.hi { // far from it there is nothing to see
		d.bound(a.at(bound), len(rows))
	}
	return d.html()
}
