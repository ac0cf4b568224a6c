package benchrun

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace-go/headrace/bench/internal/paired"
	"golang.org/x/perf/benchfmt"
)

// The sides of a round: the old code twice, the new code once.
const (
	SideA1 = "A1"
	SideA2 = "A2"
	SideB  = "B"
)

// The configuration keys under which a log keeps round and side.
const (
	keyRound = "round"
	keySide  = "side"
)

// A Log holds the results of an interleaved run. Its text form is the Go
// benchmark format, so benchstat reads it too (benchstat -col side).
// The zero Log is empty and ready. A Log is not safe for concurrent use.
type Log struct {
	results []*benchfmt.Result
	units   benchfmt.UnitMetadataMap
}

// Add appends what one run printed.
func (l *Log) Add(round int, side string, results []*benchfmt.Result, units benchfmt.UnitMetadataMap) {
	for _, result := range results {
		result = result.Clone()
		// Only file configuration is written out again.
		result.Config = append(result.Config,
			benchfmt.Config{Key: keyRound, Value: strconv.AppendInt(nil, int64(round), 10), File: true},
			benchfmt.Config{Key: keySide, Value: []byte(side), File: true})
		l.results = append(l.results, result)
	}
	l.declare(units)
}

func (l *Log) declare(units benchfmt.UnitMetadataMap) {
	if l.units == nil {
		l.units = benchfmt.UnitMetadataMap{}
	}
	maps.Copy(l.units, units)
}

// Write writes the log as text.
func (l *Log) Write(w io.Writer) error {
	writer := benchfmt.NewWriter(w)
	for _, key := range slices.SortedFunc(maps.Keys(l.units), compareUnits) {
		if err := writer.Write(l.units[key]); err != nil {
			return err
		}
	}
	for _, result := range l.results {
		if err := writer.Write(result); err != nil {
			return err
		}
	}
	return nil
}

func compareUnits(a, b benchfmt.UnitMetadataKey) int {
	return strings.Compare(a.Unit+" "+a.Key, b.Unit+" "+b.Key)
}

// ReadLog reads what Write wrote; name is for error messages.
func ReadLog(r io.Reader, name string) (*Log, error) {
	log := &Log{}
	reader := benchfmt.NewReader(r, name)
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.Result:
			log.results = append(log.results, record.Clone())
		case *benchfmt.SyntaxError:
			return nil, fmt.Errorf("benchrun: read log: %w", record)
		}
	}
	if err := reader.Err(); err != nil {
		return nil, fmt.Errorf("benchrun: read log: %w", err)
	}
	log.declare(reader.Units())
	return log, nil
}

// A Measured is one unit of one benchmark over all rounds.
type Measured struct {
	Package string
	Name    string
	Unit    string
	Better  paired.Direction
	paired.Series
}

// Series sorts the log into what can be compared, in the order of first
// appearance. What has a value on some sides of a round only cannot; it is
// named in partial. The throughput that testing derives from the time of the
// same run is left out: it says nothing new and would count as a comparison.
func (l *Log) Series() (complete []Measured, partial []string) {
	type key struct{ pkg, name, unit string }
	type cell struct {
		round string
		side  string
	}
	var order []key
	cells := map[key]map[cell]float64{}
	var rounds []string
	for _, result := range l.results {
		round := result.GetConfig(keyRound)
		if !slices.Contains(rounds, round) {
			rounds = append(rounds, round)
		}
		_, timed := result.Value("sec/op")
		for _, value := range result.Values {
			if timed && value.Unit == "B/s" && value.OrigUnit == "MB/s" {
				continue
			}
			k := key{result.GetConfig("pkg"), result.Name.String(), value.Unit}
			if cells[k] == nil {
				cells[k] = map[cell]float64{}
				order = append(order, k)
			}
			cells[k][cell{round, result.GetConfig(keySide)}] = value.Value
		}
	}
	for _, k := range order {
		m := Measured{Package: k.pkg, Name: k.name, Unit: k.unit, Better: l.direction(k.unit)}
		whole := true
		for _, round := range rounds {
			for side, values := range map[string]*[]float64{SideA1: &m.A1, SideA2: &m.A2, SideB: &m.B} {
				v, ok := cells[k][cell{round, side}]
				whole = whole && ok && !math.IsNaN(v) && !math.IsInf(v, 0)
				*values = append(*values, v)
			}
		}
		if whole {
			complete = append(complete, m)
		} else {
			partial = append(partial, k.name+" "+k.unit)
		}
	}
	return complete, partial
}

// direction is the unit's declared direction, or what its spelling says: costs
// per operation and times want to be low, rates high.
func (l *Log) direction(unit string) paired.Direction {
	switch l.units.GetBetter(unit) {
	case 1:
		return paired.Higher
	case -1:
		return paired.Lower
	}
	if l.units.Get(unit, "better") != nil {
		return paired.Unknown
	}
	switch {
	case strings.HasSuffix(unit, "/s"):
		return paired.Higher
	case strings.HasSuffix(unit, "/op"), strings.HasSuffix(unit, "-sec"), unit == "sec":
		return paired.Lower
	}
	return paired.Unknown
}
