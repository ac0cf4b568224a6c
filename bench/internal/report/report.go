// Package report holds what a run of the scorecard has measured, judges it
// against the targets, and shows it: as a table, as JSON and as a page.
package report

import (
	"encoding/json"
	"io"
	"time"

	"github.com/headrace-go/headrace/bench/internal/link"
)

// A Report is one run of the scorecard. Its JSON form is what the project
// commits as a result.
type Report struct {
	Date     time.Time         `json:"date"`
	Mode     string            `json:"mode"` // Loopback or Link
	Took     time.Duration     `json:"took_ns"`
	Settings Settings          `json:"settings"`
	Machine  Machine           `json:"machine"`
	Link     *LinkReport       `json:"link,omitempty"`     // in Link mode
	Versions map[string]string `json:"versions,omitempty"` // of programs that are not ours
	Rows     []*Row            `json:"rows"`
	Verdict  []Check           `json:"verdict"`
}

// A LinkReport is what the link of a run is, and what bare TCP measured on it.
type LinkReport struct {
	link.Report
	Measured link.Measurement `json:"measured"`
}

// baseline is the name of the row that the others are compared with.
const baseline = "direct"

// Judge fills in the verdict, and returns what speaks against the project.
func (r *Report) Judge() []Check {
	r.Verdict = r.judge()
	var missed []Check
	for _, c := range r.Verdict {
		if c.Missed() {
			missed = append(missed, c)
		}
	}
	return missed
}

// Settings are the same for every row.
type Settings struct {
	Rounds int           `json:"rounds"`
	Window time.Duration `json:"window_ns"` // of one measurement
	Warm   time.Duration `json:"warm_ns"`   // before it
	Many   int           `json:"many"`      // connections where there is more than one
	Levels []Level       `json:"levels"`    // of bulk beside round trips
	// Idle is the number of connections while memory is measured, Exchange
	// the bytes that each of them moves each way, Quiet the time after that.
	Idle     int           `json:"idle"`
	Exchange uint64        `json:"exchange_bytes"`
	Quiet    time.Duration `json:"quiet_ns"`
}

// A Row is what one row measured.
type Row struct {
	Name      string            `json:"name"`
	Peer      bool              `json:"peer,omitempty"`
	Warm      string            `json:"warm,omitempty"`      // see row.Row
	Processes []string          `json:"processes,omitempty"` // that carry the bytes
	Figures   map[Metric]Figure `json:"figures"`
	Failures  []Failure         `json:"failures,omitempty"`
}

// A Failure is a measurement that could not be made.
type Failure struct {
	Phase  string   `json:"phase"`
	Err    string   `json:"error"`
	Stderr []string `json:"stderr,omitempty"` // last lines of the row's processes
}

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// NewRow returns a row without figures.
func NewRow(name string, peer bool, warm string, processes []string) *Row {
	return &Row{Name: name, Peer: peer, Warm: warm, Processes: processes, Figures: map[Metric]Figure{}}
}

// Add adds what a round has measured.
func (r *Row) Add(m Metric, value float64) {
	r.Figures[m] = NewFigure(append(r.Figures[m].Rounds, value))
}

// Row returns the row of that name, or nil.
func (r *Report) Row(name string) *Row {
	for _, row := range r.Rows {
		if row.Name == name {
			return row
		}
	}
	return nil
}
