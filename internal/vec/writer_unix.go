//go:build unix && !linux

package vec

import (
	"os"
	"syscall"
)

// attempt is the callback: it writes one buffer after the other until all is
// accepted or the socket is full, and reports whether the write is over.
func (w *Writer) attempt(fd uintptr) bool {
	for w.advance(0); len(w.bufs) > 0; {
		n, err := syscall.Write(int(fd), w.bufs[0][w.skip:])
		switch err {
		case nil:
			w.advance(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			return w.stall()
		default:
			w.err = os.NewSyscallError("write", err)
			return true
		}
	}
	return true
}
