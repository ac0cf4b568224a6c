//go:build darwin || freebsd

package connpool

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

var (
	optKeepAlive         = option{unix.SOL_SOCKET, unix.SO_KEEPALIVE, true}
	optKeepAliveIdle     = option{unix.IPPROTO_TCP, keepIdle, true}
	optKeepAliveInterval = option{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, true}
	optKeepAliveCount    = option{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, true}
	optUserTimeout       = option{}
	optFastOpenListen    = option{}
	optFastOpenConnect   = option{}
	optNotSentLowat      = option{}
	optReceiveBuffer     = option{unix.SOL_SOCKET, unix.SO_RCVBUF, true}
	optSendBuffer        = option{unix.SOL_SOCKET, unix.SO_SNDBUF, true}
	optMark              = option{}
	optDevice            = option{}
	optCongestion        = option{}
)

func setInt(fd uintptr, o option, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), o.level, o.name, value))
}

func setString(uintptr, option, string) error { return errors.ErrUnsupported }
