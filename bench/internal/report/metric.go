package report

import "fmt"

// A Metric is the name of a figure. Its unit is part of the name's meaning
// and is given by Unit.
type Metric string

// Metrics of latency and set-up.
const (
	RoundTripP50 Metric = "roundtrip_p50_us"
	RoundTripP95 Metric = "roundtrip_p95_us"
	RoundTripP99 Metric = "roundtrip_p99_us"
	SetUpFirst   Metric = "setup_first_us" // of a client that has just started
	SetUpP50     Metric = "setup_p50_us"   // of the next ones
	SetUpP95     Metric = "setup_p95_us"
)

// GC is the share of garbage collection in the processor time of a row's
// processes over a round, in percent.
const GC Metric = "gc_percent"

// What a connection costs in all processes of the row, kB of resident memory
// in the four states first.
const (
	MemoryIdle   Metric = "memory_idle_kb"       // idle after one round trip
	MemoryAfter  Metric = "memory_after_bulk_kb" // idle after bulk, a while later
	MemoryMoving Metric = "memory_moving_kb"     // all of them moving
	MemoryStuck  Metric = "memory_stuck_kb"      // on peers that never read
	FDs          Metric = "fds"
	Goroutines   Metric = "goroutines"
)

// Percentiles are those that latencies are given in.
var Percentiles = [...]string{"p50", "p95", "p99"}

// A Level is a bulk load beside which round trips are measured.
type Level struct {
	Name           string `json:"name"`
	BytesPerSecond uint64 `json:"bytes_per_second"`
}

// Loaded is a percentile of the open-loop round trip beside a Level of bulk,
// in µs from the intended start; LoadedUncorrected the same from the actual
// start; LoadedMBps the bulk that arrived.
func Loaded(l Level, percentile string) Metric {
	return Metric(fmt.Sprintf("loaded_%s_%s_us", l.Name, percentile))
}

func LoadedUncorrected(l Level, percentile string) Metric {
	return Metric(fmt.Sprintf("loaded_%s_%s_uncorrected_us", l.Name, percentile))
}

func LoadedMBps(l Level) Metric {
	return Metric(fmt.Sprintf("loaded_%s_mbps", l.Name))
}

// Throughput is the rate of conns connections in one direction, in MB/s.
func Throughput(direction string, conns int) Metric {
	return Metric(fmt.Sprintf("throughput_%s_%d_mbps", direction, conns))
}

// CPU is the processor time of the row's processes per GB of a Throughput.
func CPU(direction string, conns int) Metric {
	return Metric(fmt.Sprintf("cpu_%s_%d_s_per_gb", direction, conns))
}

// Of narrows a metric of all processes of a row to one of them.
func (m Metric) Of(process string) Metric { return m + Metric("@"+process) }
