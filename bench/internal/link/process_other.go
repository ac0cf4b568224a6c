//go:build !linux

package link

import (
	"os"
	"syscall"
)

var askReport = os.Interrupt

func ownGroup() *syscall.SysProcAttr { return nil }
