package bridge

import "time"

// Report is what a bridge was set up to be, and what it did so far.
type Report struct {
	Shape
	// Offload: multi-segment packets cross whole.
	Offload bool `json:"offload"`
	// RealTime: the bridge runs ahead of ordinary processes (SCHED_FIFO).
	RealTime bool `json:"real_time"`
	// Elapsed is the time since the bridge was made.
	Elapsed time.Duration `json:"elapsed_ns"`
	// CPU is what the whole process used. The kernel does most of the receiving
	// end's work for a packet inside the write that delivers it: that is in here.
	CPU time.Duration `json:"cpu_ns"`
	// WriteErrors counts packets that the kernel refused to take.
	WriteErrors int64 `json:"write_errors"`
	// Up goes from client to server, Down from server to client.
	Up   LineStats `json:"up"`
	Down LineStats `json:"down"`
}
