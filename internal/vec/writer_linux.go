package vec

import (
	"os"
	"syscall"
)

// attempt is the callback: it writes until all is accepted or the socket is
// full, and reports whether the write is over.
func (w *Writer) attempt(fd uintptr) bool {
	for w.advance(0); len(w.bufs) > 0; {
		n, errno := w.writeOnce(fd)
		switch errno {
		case 0:
			w.advance(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			return w.stall()
		default:
			w.err = os.NewSyscallError("writev", errno)
			return true
		}
	}
	return true
}

func (w *Writer) writeOnce(fd uintptr) (int, syscall.Errno) {
	if len(w.bufs) > 1 {
		return writev(fd, w.bufs, w.skip)
	}
	n, err := syscall.Write(int(fd), w.bufs[0][w.skip:])
	if err != nil {
		errno, _ := err.(syscall.Errno)
		return 0, errno
	}
	return n, 0
}
