package bridge

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// RealTime lets this process run ahead of all ordinary ones (SCHED_FIFO): a
// real link is not slowed by the load of the machines at its ends. It takes hold
// of every thread, because Go's scheduler at times needs another one to go on
// with a goroutine, and of those to come, which inherit it.
//
// It is for a process that does nothing but carry packets.
func RealTime() error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("bridge: real time: %w", err)
	}
	attributes := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
	for _, task := range tasks {
		id, err := strconv.Atoi(task.Name())
		if err == nil {
			err = unix.SchedSetAttr(id, &attributes, 0)
		}
		if err != nil && !errors.Is(err, unix.ESRCH) { // that one has ended
			return fmt.Errorf("bridge: real time: %w", err)
		}
	}
	return nil
}

func isRealTime() bool {
	attributes, err := unix.SchedGetAttr(0, 0)
	return err == nil && attributes.Policy == unix.SCHED_FIFO
}
