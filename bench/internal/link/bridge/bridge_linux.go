package bridge

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// burst bounds how many packets are read from one device in a row: due packets
// of the other direction must not wait for longer.
const burst = 64

// A Bridge carries packets between two devices.
//
// Report and Stop may be called from any goroutine; Close only after Run.
type Bridge struct {
	shape   Shape
	offload bool
	started time.Time
	wake    int // an eventfd: Stop was called
	stopped atomic.Bool

	mu          sync.Mutex // held while packets are handled, not while Run sleeps
	up, down    direction
	frame       []byte
	writeErrors int64
}

type direction struct {
	from, to *Device
	line     *Line
}

// New returns a bridge between two devices, which stay the caller's.
func New(s Shape, client, server *Device) (*Bridge, error) {
	s, err := s.Resolve()
	if err != nil {
		return nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("bridge: eventfd: %w", err)
	}
	return &Bridge{
		shape:   s,
		offload: client.offload && server.offload,
		started: time.Now(),
		wake:    wake,
		up:      direction{from: client, to: server, line: NewLine(s)},
		down:    direction{from: server, to: client, line: NewLine(s)},
		frame:   make([]byte, maxFrame),
	}, nil
}

// Run carries packets until Stop, or until a device fails. What is on the way
// then is lost. It calls ready once it is about to carry.
//
// Run keeps the thread to itself, and leaves it to end with the goroutine: call
// it in a goroutine of its own.
func (b *Bridge) Run(ready func()) error {
	runtime.LockOSThread()
	ready()
	fds := []unix.PollFd{
		{Fd: int32(b.wake), Events: unix.POLLIN},
		{Fd: int32(b.up.from.fd), Events: unix.POLLIN},
		{Fd: int32(b.down.from.fd), Events: unix.POLLIN},
	}
	var pace pacer
	for !b.stopped.Load() {
		timeout := b.deliver()
		if rest := pace.wait(time.Now()); rest > 0 {
			_ = poll(fds[:1], rest) // an interrupted rest is a short one
			timeout = 0
		}
		if err := poll(fds, timeout); err != nil {
			if err == unix.EINTR {
				continue
			}
			return fmt.Errorf("bridge: poll: %w", err)
		}
		if err := b.receive(fds[1].Revents != 0, fds[2].Revents != 0); err != nil {
			return err
		}
	}
	return nil
}

// deliver writes all packets that are due, and returns how long until the next
// one is: negative for ever.
func (b *Bridge) deliver() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	var next time.Time
	for _, d := range []*direction{&b.up, &b.down} {
		for {
			frame, ok := d.line.Pop(now)
			if !ok {
				break
			}
			if write(d.to.fd, frame) != 0 {
				b.writeErrors++ // the device is down, or memory is short: a lost packet
			}
			now = time.Now()
		}
		if due, ok := d.line.Next(); ok && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	if next.IsZero() {
		return -1
	}
	return max(time.Until(next), 0)
}

// receive reads what waits in the devices into their lines.
func (b *Bridge) receive(client, server bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if client {
		if err := b.read(&b.up); err != nil {
			return err
		}
	}
	if server {
		return b.read(&b.down)
	}
	return nil
}

func (b *Bridge) read(d *direction) error {
	for range burst {
		n, errno := read(d.from.fd, b.frame)
		switch errno {
		case 0:
		case unix.EAGAIN:
			return nil
		case unix.EINTR:
			continue
		default:
			return fmt.Errorf("bridge: read from %s: %w", d.from.name, errno)
		}
		d.line.Push(time.Now(), b.frame[:n], measure(b.frame[:n]))
	}
	return nil
}

// Report returns the bridge's settings and counters.
func (b *Bridge) Report() Report {
	var usage unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &usage) // fails only for a bad argument
	b.mu.Lock()
	defer b.mu.Unlock()
	return Report{
		Shape:       b.shape,
		Offload:     b.offload,
		RealTime:    isRealTime(),
		Elapsed:     time.Since(b.started),
		CPU:         time.Duration(usage.Utime.Nano() + usage.Stime.Nano()),
		WriteErrors: b.writeErrors,
		Up:          b.up.line.Stats(),
		Down:        b.down.line.Stats(),
	}
}

// Stop makes Run return.
func (b *Bridge) Stop() {
	b.stopped.Store(true)
	one := [8]byte{1} // any number but zero, in any byte order
	_, _ = unix.Write(b.wake, one[:])
}

// Close frees what New took. The devices stay open.
func (b *Bridge) Close() error { return unix.Close(b.wake) }
