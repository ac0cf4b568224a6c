package vec

import (
	"sync"
	"syscall"
	"unsafe"
)

const (
	// iovMax is IOV_MAX, UIO_MAXIOV in linux/uio.h: the most buffers one call
	// takes.
	iovMax = 1024
	// iovFew is what most calls do with: a busy process has as many arrays as
	// threads in a call, and with iovMax entries each takes 16 KiB.
	iovFew = 64
)

// These are lent for one system call: nobody holds them while waiting.
var (
	iovFews = sync.Pool{New: func() any { return new([iovFew]syscall.Iovec) }}
	iovMaxs = sync.Pool{New: func() any { return new([iovMax]syscall.Iovec) }}
)

// fill points iov at the bytes of bufs from byte skip of the first on, empty
// buffers left out, and returns how many entries it used.
func fill(iov []syscall.Iovec, bufs [][]byte, skip int) int {
	n := 0
	for _, b := range bufs {
		b = b[skip:]
		skip = 0
		if len(b) == 0 {
			continue
		}
		if n == len(iov) {
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
	if len(bufs) <= iovFew {
		iov := iovFews.Get().(*[iovFew]syscall.Iovec)
		defer iovFews.Put(iov)
		return callWith(trap, fd, iov[:], bufs, skip)
	}
	iov := iovMaxs.Get().(*[iovMax]syscall.Iovec)
	defer iovMaxs.Put(iov)
	return callWith(trap, fd, iov[:], bufs, skip)
}

func callWith(trap, fd uintptr, iov []syscall.Iovec, bufs [][]byte, skip int) (int, syscall.Errno) {
	k := fill(iov, bufs, skip)
	if k == 0 {
		return 0, 0
	}
	n, _, errno := syscall.Syscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(iov))), uintptr(k))
	clear(iov[:k])
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
