package vecio

import (
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// pipeSize is what a pipe is asked to hold, in bytes: the most that an
	// unprivileged user may have (fs.pipe-max-size).
	pipeSize = 1 << 20
	// pipeMin is the smallest pipe worth a splice. Beyond 64 MiB of pipes
	// an unprivileged user gets pipes of 8 KiB (fs.pipe-user-pages-soft).
	pipeMin = 256 << 10
	// maxPipes bounds the pipes of the process, at pipeSize each.
	maxPipes = 48
)

// A pipe moves bytes inside the kernel.
type pipe struct {
	r, w int
	size int
}

// relays is what all relays of the process share: the pipes, which are made on
// demand, lent to flows that have bytes to move, and closed with the last relay.
var relays pipes

type pipes struct {
	mu    sync.Mutex
	users int // relays alive
	live  int // pipes open
	free  []*pipe
}

func (p *pipes) enter() {
	p.mu.Lock()
	p.users++
	p.mu.Unlock()
}

func (p *pipes) leave() {
	p.mu.Lock()
	var unused []*pipe
	if p.users--; p.users == 0 {
		unused, p.free = p.free, nil
		p.live -= len(unused)
	}
	p.mu.Unlock()
	for _, q := range unused {
		q.close()
	}
}

// takePipe lends a pipe, or returns nil if there are enough, or if the system
// grants none that is large enough to be of use.
func (p *pipes) takePipe() *pipe {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		q := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return q
	}
	if p.live >= maxPipes {
		p.mu.Unlock()
		return nil
	}
	p.live++
	p.mu.Unlock()
	q := newPipe()
	if q == nil {
		p.mu.Lock()
		p.live--
		p.mu.Unlock()
	}
	return q
}

// putPipe takes q back, and closes it if it is soiled with bytes.
func (p *pipes) putPipe(q *pipe, soiled bool) {
	p.mu.Lock()
	keep := !soiled && p.users > 0
	if keep {
		p.free = append(p.free, q)
	} else {
		p.live--
	}
	p.mu.Unlock()
	if !keep {
		q.close()
	}
}

func newPipe() *pipe {
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	q := &pipe{r: fds[0], w: fds[1]}
	_, _ = unix.FcntlInt(uintptr(q.w), unix.F_SETPIPE_SZ, pipeSize)
	// What was granted counts, not what was asked for.
	size, err := unix.FcntlInt(uintptr(q.w), unix.F_GETPIPE_SZ, 0)
	if err != nil || size < pipeMin {
		q.close()
		return nil
	}
	q.size = size
	return q
}

func (q *pipe) close() {
	_ = unix.Close(q.r)
	_ = unix.Close(q.w)
}
