package rivals

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// TestMain declares which way our own units are better, for benchstat and
// compare; the rest say so by their spelling.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() != "" {
		for _, unit := range []string{"jain", "kept-%", "alone-MB/s"} {
			fmt.Println("Unit", unit, "better=higher")
		}
		for _, unit := range []string{"p50-ns", "p95-ns", "p99-ns", "cpu-ns/B", "relay-cpu-ns/B", "relay-cpu-ns/op", "relay-allocs/MB", "relay-allocs/op", "calls/MB", "calls/echo-64", "calls/echo-4096", "cpu-ns/datagram", "heap-B/stream", "heap-B/end", "objects/stream", "goroutines/stream", "heap-B/session", "stack-B/session", "goroutines/session", "unread-B"} {
			fmt.Println("Unit", unit, "better=lower")
		}
	}
	os.Exit(m.Run())
}
