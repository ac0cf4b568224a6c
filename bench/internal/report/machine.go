package report

import (
	"os"
	"runtime"
	"strings"

	"github.com/headrace-go/headrace/bench/internal/procfs"
)

// A Machine is where a run took place.
type Machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	OS         string `json:"os"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	Congestion string `json:"tcp_congestion_control"`
}

// ThisMachine describes the machine that this program runs on.
func ThisMachine() Machine {
	return Machine{
		CPU:        procfs.CPUModel(),
		Cores:      runtime.NumCPU(),
		OS:         runtime.GOOS + "/" + runtime.GOARCH,
		Kernel:     sysctl("kernel/osrelease"),
		Go:         runtime.Version(),
		Congestion: sysctl("net/ipv4/tcp_congestion_control"),
	}
}

// sysctl returns a kernel setting, or "" where it is not known.
func sysctl(name string) string {
	b, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
