package proc

import (
	"os/exec"
	"syscall"
)

func ownGroup(cmd *exec.Cmd) {
	// The death signal follows the thread that started the process. Threads
	// of a Go program live as long as it does, except those on which a locked
	// goroutine has ended; this program has none.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
