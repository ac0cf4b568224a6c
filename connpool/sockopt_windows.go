package connpool

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

var (
	optKeepAlive         = option{windows.SOL_SOCKET, windows.SO_KEEPALIVE, true}
	optKeepAliveIdle     = option{windows.IPPROTO_TCP, windows.TCP_KEEPIDLE, true}
	optKeepAliveInterval = option{windows.IPPROTO_TCP, windows.TCP_KEEPINTVL, true}
	optKeepAliveCount    = option{windows.IPPROTO_TCP, windows.TCP_KEEPCNT, true}
	optUserTimeout       = option{}
	optFastOpenListen    = option{}
	optFastOpenConnect   = option{}
	optNotSentLowat      = option{}
	optReceiveBuffer     = option{windows.SOL_SOCKET, windows.SO_RCVBUF, true}
	optSendBuffer        = option{windows.SOL_SOCKET, windows.SO_SNDBUF, true}
	optMark              = option{}
	optDevice            = option{}
	optCongestion        = option{}
)

func setInt(fd uintptr, o option, value int) error {
	return os.NewSyscallError("setsockopt", syscall.SetsockoptInt(syscall.Handle(fd), o.level, o.name, value))
}

func setString(uintptr, option, string) error { return errors.ErrUnsupported }
