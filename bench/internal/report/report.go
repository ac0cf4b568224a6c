// Package report holds what a run of the scorecard has measured, judges it
// against the targets, and shows it: as a table, as JSON and as a page.
package report

import "time"

// A Report is one run of the scorecard. Its JSON form is what the project
// commits as a result.
type Report struct {
	Date     time.Time         `json:"date"`
	Mode     string            `json:"mode"` // "loopback" or "link"
	Took     time.Duration     `json:"took_ns"`
	Settings Settings          `json:"settings"`
	Machine  Machine           `json:"machine"`
	Versions map[string]string `json:"versions,omitempty"` // of programs that are not ours
	Rows     []*Row            `json:"rows"`
}

// Settings are the same for every row.
type Settings struct {
	Rounds int           `json:"rounds"`
	Window time.Duration `json:"window_ns"` // of one measurement
	Warm   time.Duration `json:"warm_ns"`   // before it
	Many   int           `json:"many"`      // connections where there is more than one
	Idle   int           `json:"idle"`      // connections while memory is measured
}

// A Row is what one row measured.
type Row struct {
	Name      string            `json:"name"`
	Peer      bool              `json:"peer,omitempty"`
	Warm      string            `json:"warm,omitempty"`      // see row.Row
	Processes []string          `json:"processes,omitempty"` // that carry the bytes
	Figures   map[Metric]Figure `json:"figures"`
	Failures  []Failure         `json:"failures,omitempty"`
	rounds    map[Metric][]float64
}

// A Failure is a measurement that could not be made.
type Failure struct {
	Phase  string   `json:"phase"`
	Err    string   `json:"error"`
	Stderr []string `json:"stderr,omitempty"` // last lines of the row's processes
}

// NewRow returns a row without figures.
func NewRow(name string, peer bool, warm string, processes []string) *Row {
	return &Row{Name: name, Peer: peer, Warm: warm, Processes: processes, Figures: map[Metric]Figure{}, rounds: map[Metric][]float64{}}
}

// Add adds what a round has measured.
func (r *Row) Add(m Metric, value float64) {
	r.rounds[m] = append(r.rounds[m], value)
	r.Figures[m] = NewFigure(r.rounds[m])
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
