package vec

import (
	"sync"
	"syscall"
	"unsafe"
)

// iovMax is IOV_MAX, UIO_MAXIOV in linux/uio.h: the most buffers one call takes.
const iovMax = 1024

// iovecs are lent for one system call: nobody holds 16 KiB of them while
// waiting.
var iovecs = sync.Pool{New: func() any { return new([iovMax]syscall.Iovec) }}

// fill points iov at the bytes of bufs from byte skip of the first on, empty
// buffers left out, and returns how many entries it used.
func fill(iov *[iovMax]syscall.Iovec, bufs [][]byte, skip int) int {
	n := 0
	for _, b := range bufs {
		b = b[skip:]
		skip = 0
		if len(b) == 0 {
			continue
		}
		if n == iovMax {
			break
		}
		iov[n].Base = unsafe.SliceData(b)
		iov[n].SetLen(len(b))
		n++
	}
	return n
}

// Readv is one readv(2) into bufs. It does not retry.
func Readv(fd uintptr, bufs [][]byte) (int, syscall.Errno) {
	n, errno := call(syscall.SYS_READV, fd, bufs, 0)
	if n > 0 {
		acquire(fd)
	}
	return n, errno
}

// writev is one writev(2) of bufs from byte skip of the first on.
func writev(fd uintptr, bufs [][]byte, skip int) (int, syscall.Errno) {
	release()
	return call(syscall.SYS_WRITEV, fd, bufs, skip)
}

func call(trap, fd uintptr, bufs [][]byte, skip int) (int, syscall.Errno) {
	iov := iovecs.Get().(*[iovMax]syscall.Iovec)
	k := fill(iov, bufs, skip)
	if k == 0 {
		iovecs.Put(iov)
		return 0, 0
	}
	n, _, errno := syscall.Syscall(trap, fd, uintptr(unsafe.Pointer(iov)), uintptr(k))
	clear(iov[:k])
	iovecs.Put(iov)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
