package procfs

import (
	"bytes"
	"os"
	"strings"
)

// CPUModel returns the processor's name, or "" where it is not known.
func CPUModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(b) {
		name, value, found := strings.Cut(string(line), ":")
		if found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
