package connpool

import (
	"os"

	"golang.org/x/sys/unix"
)

var (
	optKeepAlive         = option{unix.SOL_SOCKET, unix.SO_KEEPALIVE, true}
	optKeepAliveIdle     = option{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, true}
	optKeepAliveInterval = option{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, true}
	optKeepAliveCount    = option{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, true}
	optUserTimeout       = option{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, true}
	optFastOpenListen    = option{unix.IPPROTO_TCP, unix.TCP_FASTOPEN, true}
	optFastOpenConnect   = option{unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, true}
	optNotSentLowat      = option{unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, true}
	optReceiveBuffer     = option{unix.SOL_SOCKET, unix.SO_RCVBUF, true}
	optSendBuffer        = option{unix.SOL_SOCKET, unix.SO_SNDBUF, true}
	optMark              = option{unix.SOL_SOCKET, unix.SO_MARK, true}
	optDevice            = option{unix.SOL_SOCKET, unix.SO_BINDTODEVICE, true}
	optCongestion        = option{unix.IPPROTO_TCP, unix.TCP_CONGESTION, true}
)

func setInt(fd uintptr, o option, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), o.level, o.name, value))
}

func setString(fd uintptr, o option, value string) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptString(int(fd), o.level, o.name, value))
}
