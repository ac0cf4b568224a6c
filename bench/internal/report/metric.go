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

// Memory and file descriptors per connection, of all processes of the row.
const (
	MemoryIdle Metric = "memory_idle_kb" // idle after one round trip
	FDs        Metric = "fds"
)

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
