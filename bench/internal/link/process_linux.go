package link

import "syscall"

// askReport is the signal on which the bridge reports.
const askReport = syscall.SIGUSR1

// ownGroup keeps a process out of the terminal's Ctrl-C: the bridge must outlive
// whoever still has to end cleanly over it.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
