//go:build !unix

package proc

import "os/exec"

func ownGroup(*exec.Cmd) {}

// Without signals and groups the process alone is ended.

func interrupt(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
