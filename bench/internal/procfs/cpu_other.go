//go:build !linux

package procfs

import (
	"errors"
	"fmt"
	"time"
)

// CPU is for Linux only.
func CPU(pid int) (time.Duration, error) {
	return 0, fmt.Errorf("procfs: CPU time of process %d: %w", pid, errors.ErrUnsupported)
}
