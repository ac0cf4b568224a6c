package procfs

import (
	"bytes"
	"os"
	"strings"
)

// CPUModel returns the processor's name, or "" where it is not known.
func CPUModel() string { return cpuinfo("model name") }

// CPUFamily returns the number of the processor's family on amd64, and else "".
// It tells more than a name that a virtual machine has made up.
func CPUFamily() string { return cpuinfo("cpu family") }

func cpuinfo(field string) string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(b) {
		name, value, found := strings.Cut(string(line), ":")
		if found && strings.TrimSpace(name) == field {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
