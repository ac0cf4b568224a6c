package readiness

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func newBackend(w *Watcher) (backend, error) { return newEpoll(w) }

// epoll is an epoll descriptor that the runtime's own poller watches: one
// goroutine waits for it as for a socket, so that no thread is blocked and no
// timer polls.
type epoll struct {
	watcher *Watcher
	file    *os.File
	raw     syscall.RawConn
	done    chan struct{}

	events [128]unix.EpollEvent
	n      int
}

func newEpoll(w *Watcher) (*epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// os.NewFile hands only non-blocking descriptors to the poller.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	e := &epoll{watcher: w, file: os.NewFile(uintptr(fd), "epoll"), done: make(chan struct{})}
	if e.raw, err = e.file.SyscallConn(); err != nil {
		_ = e.file.Close()
		return nil, err
	}
	go e.dispatch()
	return e, nil
}

func (e *epoll) close() error {
	err := e.file.Close()
	<-e.done
	return err
}

// dispatch fires whatever has an event, until the descriptor is closed.
func (e *epoll) dispatch() {
	defer close(e.done)
	poll := e.poll
	for e.raw.Read(poll) == nil {
		for i := range e.events[:e.n] {
			e.watcher.fire(ticket{uint32(e.events[i].Fd), uint32(e.events[i].Pad)})
		}
	}
}

// poll takes the events that there are, and waits for the next edge only when
// there are none: so it never misses one.
func (e *epoll) poll(fd uintptr) bool {
	n, err := unix.EpollWait(int(fd), e.events[:], 0)
	e.n = max(n, 0)
	return n > 0 || err == unix.EINTR
}

// arm asks for one event. A registration outlives its event, disarmed, until
// the socket is closed: so most often there is one to modify.
func (e *epoll) arm(_ syscall.Conn, raw syscall.RawConn, t ticket) error {
	return e.register(raw, t, unix.EPOLLIN|unix.EPOLLRDHUP)
}

// armEnd asks for the end only: errors and hang-ups are always reported.
func (e *epoll) armEnd(raw syscall.RawConn, t ticket) error {
	return e.register(raw, t, unix.EPOLLRDHUP)
}

func (e *epoll) register(raw syscall.RawConn, t ticket, events uint32) error {
	event := unix.EpollEvent{
		Events: events | unix.EPOLLONESHOT,
		Fd:     int32(t.index),
		Pad:    int32(t.gen),
	}
	return e.control(raw, func(epfd, fd int) error {
		err := unix.EpollCtl(epfd, unix.EPOLL_CTL_MOD, fd, &event)
		if err == unix.ENOENT {
			err = unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, fd, &event)
		}
		return err
	})
}

// disarm keeps a registration from raising an event that nobody waits for. It
// fails only if there is no registration any more.
func (e *epoll) disarm(raw syscall.RawConn, _ ticket) {
	_ = e.control(raw, func(epfd, fd int) error {
		return unix.EpollCtl(epfd, unix.EPOLL_CTL_DEL, fd, nil)
	})
}

// control calls f while both descriptors are held open.
func (e *epoll) control(raw syscall.RawConn, f func(epfd, fd int) error) error {
	var err error
	outer := e.raw.Control(func(epfd uintptr) {
		if inner := raw.Control(func(fd uintptr) { err = f(int(epfd), int(fd)) }); inner != nil {
			err = inner
		}
	})
	if outer != nil {
		return outer
	}
	return err
}
