package readiness

import (
	"golang.org/x/sys/unix"

	"github.com/headrace-go/headrace/internal/peel"
)

// A Room tells whether a stream socket takes more: its kernel calls a socket
// full while less than a third of its send buffer is free. No call allocates. A
// Room is not safe for concurrent use.
type Room struct {
	sock  *peel.Socket
	free  bool
	woken bool

	look func(fd uintptr)
	call func(fd uintptr) bool
}

// NewRoom returns the Room of p, or nil on systems without one.
func NewRoom(p *peel.Socket) *Room {
	r := &Room{sock: p}
	r.look = func(fd uintptr) { r.free = writable(fd) }
	r.call = func(fd uintptr) bool {
		// The second call comes with an edge.
		done := r.woken || writable(fd)
		r.woken = true
		return done
	}
	return r
}

// Free reports whether there is room now. A socket that is closed or broken
// says so too: the write that follows finds out what there is.
func (r *Room) Free() bool {
	r.free = true
	_ = r.sock.Raw.Control(r.look)
	return r.free
}

// Wait returns when there is room, or when a write would not wait for any
// other reason. It may return early.
func (r *Room) Wait() {
	r.woken = false
	_ = r.sock.Raw.Write(r.call)
}

// writable reports whether a write of a little would not wait.
func writable(fd uintptr) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for {
		n, err := unix.Poll(fds[:], 0)
		if err != unix.EINTR {
			return n != 0 || err != nil
		}
	}
}
