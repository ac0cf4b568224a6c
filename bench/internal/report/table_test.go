package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/headrace-go/headrace/bench/internal/report"
)

func example() *report.Report {
	direct := report.NewRow("direct", false, "fresh", nil)
	proxy := report.NewRow("proxy", false, "fresh", []string{"server", "client"})
	broken := report.NewRow("broken", false, "fresh", nil)
	broken.Failures = []report.Failure{{Phase: "round 1, up 16", Err: "it fell over", Stderr: []string{"panic: <oh no>"}}}
	for _, speed := range []float64{1000, 3000, 2000} {
		direct.Add(report.Throughput("down", 1), speed)
		proxy.Add(report.Throughput("down", 1), speed/2)
	}
	proxy.Add(report.CPU("down", 1), 1.234)
	proxy.Add(report.CPU("down", 1).Of("server"), 0.5)
	proxy.Add(report.CPU("down", 1).Of("client"), 0.734)
	proxy.Add(report.MemoryIdle, 7.5)
	return &report.Report{
		Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Mode: "loopback", Took: 65 * time.Second,
		Settings: report.Settings{Rounds: 3, Window: time.Second, Many: 16, Idle: 1000},
		Machine:  report.Machine{CPU: "Some CPU", Cores: 2, Kernel: "6.1", Go: "go1.26", Congestion: "cubic"},
		Rows:     []*report.Row{direct, proxy, broken},
	}
}

func TestWriteTable(t *testing.T) {
	var b strings.Builder
	if err := example().WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		"2000 [1000..3000]", "1000 [500..1500] 50%", "1.23 (server 0.500, client 0.734)", "7.50",
		"Some CPU", "FAILED  broken: round 1, up 16: it fell over", "    panic: <oh no>",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("table lacks %q:\n%s", want, text)
		}
	}
}
