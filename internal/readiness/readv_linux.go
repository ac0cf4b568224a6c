package readiness

import (
	"io"
	"os"
	"syscall"

	"github.com/headrace-go/headrace/internal/vec"
)

// readv is one readv(2), with the results of read.
func readv(fd uintptr, bufs [][]byte) (int, error) {
	for {
		n, errno := vec.Readv(fd, bufs)
		switch {
		case errno == 0 && n > 0:
			return n, nil
		case errno == 0:
			return 0, io.EOF
		case errno == syscall.EINTR:
		case errno == syscall.EAGAIN:
			return 0, ErrWouldBlock
		default:
			return 0, os.NewSyscallError("readv", errno)
		}
	}
}
