// Package load is the scorecard's load generator. It reaches the target of
// package target through the proxy under test, and measures: throughput,
// round trips, set-up of connections, and what many connections at once cost.
//
// It runs as a process of its own (Main), so that it can be started in
// another network namespace and be ended if it hangs; a Generator is its
// handle on the other side, one method per measurement. Everything it reports
// is measured inside that process.
package load
