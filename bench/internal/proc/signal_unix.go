//go:build unix

package proc

import (
	"os/exec"
	"syscall"
)

// A group that has gone already is no error: both are best effort, and Stop
// waits for the process itself.

func interrupt(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }

func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
