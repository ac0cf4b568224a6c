package connpool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"
)

// SocketOptions are what a proxy sets on its sockets, on both legs. The zero
// value probes an idle peer after 30 seconds, then every 5, and gives up
// after 6 probes without an answer, or one minute without an acknowledgement
// of what was sent: a peer that has vanished is known in a minute, whether or
// not there is something to send. All else stays as the system has it.
//
// Options for TCP are not set on sockets that are not TCP.
type SocketOptions struct {
	// KeepAliveIdle, KeepAliveInterval and KeepAliveCount say when an idle peer
	// is probed for the first time, how often then, and how many probes without
	// an answer end the connection. They are whole seconds, at least one.
	// Zero means 30 seconds, 5 seconds and 6. Fewer probes do not do on loopback,
	// where those of a few thousand connections that fall idle together are
	// sent at once, and a thousand of them arrive. A negative KeepAliveIdle turns
	// all probes off.
	KeepAliveIdle, KeepAliveInterval time.Duration
	KeepAliveCount                   int
	// UserTimeout ends a connection whose sent bytes stay without an
	// acknowledgement this long (TCP_USER_TIMEOUT, RFC 5482). It also takes the
	// place of KeepAliveCount, as tcp(7) says; the two are therefore set
	// together. Zero means the time that the probes take, idle, interval and
	// count together. Negative leaves the system's own.
	UserTimeout time.Duration

	// FastOpen sends what is written first along with the SYN to a server that
	// has been seen before, and on a listener takes such (RFC 7413).
	// A dial then succeeds before anybody has answered.
	FastOpen bool
	// Multipath asks for Multipath TCP (RFC 8684). A system or a peer without
	// it makes an ordinary connection; net.TCPConn.MultipathTCP tells.
	Multipath bool
	// NotSentLowat bounds the bytes that the kernel takes in before they can be
	// sent (TCP_NOTSENT_LOWAT). It keeps latency low under load, and
	// throughput at this much for each round trip. Zero leaves it.
	NotSentLowat int
	// ReceiveBuffer and SendBuffer are sizes in bytes. Setting one turns the
	// kernel's own tuning of it off. Zero leaves it.
	ReceiveBuffer, SendBuffer int
	// Mark is the firewall mark (SO_MARK). Zero leaves it.
	Mark uint32
	// Device is the network interface to bind to. Empty leaves it.
	Device string
	// CongestionControl is an algorithm by name. Empty leaves it.
	CongestionControl string

	// Lacking, if not nil, is told of each option that could not be set, and
	// the socket is used without it. If it is nil the dial, or the listening,
	// fails with an OptionError.
	Lacking func(err *OptionError)
}

// An OptionError says which option could not be set on a socket. It matches
// errors.ErrUnsupported if this system has no such option.
type OptionError struct {
	Option string // the field of SocketOptions
	Err    error
}

// Error names the option, and says why it could not be set.
func (e *OptionError) Error() string { return "connpool: set " + e.Option + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *OptionError) Unwrap() error { return e.Err }

// What zero means.
const (
	defaultKeepAliveIdle     = 30 * time.Second
	defaultKeepAliveInterval = 5 * time.Second
	defaultKeepAliveCount    = 6
)

// Check refuses what makes no sense, and then what this system lacks, with an
// OptionError for each: for a program that wants to know at its start.
func (o SocketOptions) Check() error {
	var errs []error
	for _, s := range o.settings(true, true) {
		if s.err != nil {
			errs = append(errs, &OptionError{s.name, s.err})
		}
	}
	return errors.Join(errs...)
}

// Dialer returns d with the options. A Control of d's own runs first; d's own
// keep-alive is turned off, since it would be set last.
func (o SocketOptions) Dialer(d net.Dialer) net.Dialer {
	before, beforeContext := d.Control, d.ControlContext
	d.Control = nil
	d.ControlContext = func(ctx context.Context, network, address string, c syscall.RawConn) error {
		var err error
		switch { // as net.Dialer has it
		case beforeContext != nil:
			err = beforeContext(ctx, network, address, c)
		case before != nil:
			err = before(network, address, c)
		}
		if err != nil {
			return err
		}
		return o.Control(network, address, c)
	}
	d.KeepAlive, d.KeepAliveConfig = -1, net.KeepAliveConfig{}
	if o.Multipath {
		d.SetMultipathTCP(true)
	}
	return d
}

// ListenConfig returns lc with the options, for the listening socket and what
// it accepts. A Control of lc's own runs first.
func (o SocketOptions) ListenConfig(lc net.ListenConfig) net.ListenConfig {
	before := lc.Control
	lc.Control = func(network, address string, c syscall.RawConn) error {
		if before != nil {
			if err := before(network, address, c); err != nil {
				return err
			}
		}
		return o.apply(network, c, true)
	}
	lc.KeepAlive, lc.KeepAliveConfig = -1, net.KeepAliveConfig{}
	lc.SetMultipathTCP(o.Multipath)
	return lc
}

// Control sets the options on a socket that is about to connect: for whoever
// chains several by hand in net.Dialer.Control.
func (o SocketOptions) Control(network, _ string, c syscall.RawConn) error {
	return o.apply(network, c, false)
}

func (o SocketOptions) apply(network string, c syscall.RawConn, listens bool) error {
	var failed *OptionError
	err := c.Control(func(fd uintptr) {
		for _, s := range o.settings(strings.HasPrefix(network, "tcp"), listens) {
			err := s.err
			if err == nil {
				err = s.set(fd)
			}
			switch {
			case err == nil:
			case o.Lacking != nil:
				o.Lacking(&OptionError{s.name, err})
			default:
				failed = &OptionError{s.name, err}
				return
			}
		}
	})
	if failed != nil {
		return failed
	}
	return err
}

// A setting is one option: how to set it, or why it cannot be.
type setting struct {
	name string
	set  func(fd uintptr) error
	err  error
}

// settings lists what is asked for, of a socket that is TCP or not, and listens
// or not.
func (o SocketOptions) settings(tcp, listens bool) []setting {
	var all []setting
	add := func(name string, opt option, value int) {
		s := setting{name: name, err: errors.ErrUnsupported}
		if opt.known {
			s.set, s.err = func(fd uintptr) error { return setInt(fd, opt, value) }, nil
		}
		all = append(all, s)
	}
	integer := func(name string, opt option, value int) {
		if value < 0 {
			all = append(all, setting{name: name, err: fmt.Errorf("%d makes no sense", value)})
			return
		}
		add(name, opt, value)
	}
	text := func(name string, opt option, value string) {
		s := setting{name: name, set: func(fd uintptr) error { return setString(fd, opt, value) }}
		if !opt.known {
			s.err = errors.ErrUnsupported
		}
		all = append(all, s)
	}
	given := func(name string, opt option, value int) {
		if value != 0 {
			integer(name, opt, value)
		}
	}
	given("ReceiveBuffer", optReceiveBuffer, o.ReceiveBuffer)
	given("SendBuffer", optSendBuffer, o.SendBuffer)
	if o.Mark != 0 {
		add("Mark", optMark, int(int32(o.Mark))) // all of its bits, where an int has no more
	}
	if o.Device != "" {
		text("Device", optDevice, o.Device)
	}
	if !tcp {
		return all
	}
	idle, interval, probes, patience := o.keepAlive()
	asked := o.KeepAliveIdle != 0 || o.KeepAliveInterval != 0 || o.KeepAliveCount != 0
	if !asked && !optKeepAlive.known {
		// Nobody is told of what nobody asked for.
	} else if o.KeepAliveIdle >= 0 {
		integer("KeepAliveIdle", optKeepAlive, 1)
		integer("KeepAliveIdle", optKeepAliveIdle, seconds(idle))
		integer("KeepAliveInterval", optKeepAliveInterval, seconds(interval))
		integer("KeepAliveCount", optKeepAliveCount, probes)
	} else {
		integer("KeepAliveIdle", optKeepAlive, 0)
	}
	if o.UserTimeout > 0 || optUserTimeout.known && patience > 0 {
		integer("UserTimeout", optUserTimeout, int(max(patience, time.Millisecond)/time.Millisecond))
	}
	if o.FastOpen && listens {
		integer("FastOpen", optFastOpenListen, fastOpenQueue)
	} else if o.FastOpen {
		integer("FastOpen", optFastOpenConnect, 1)
	}
	given("NotSentLowat", optNotSentLowat, o.NotSentLowat)
	if o.CongestionControl != "" {
		text("CongestionControl", optCongestion, o.CongestionControl)
	}
	return all
}

// keepAlive returns the times with their defaults. patience is 0 if there is
// none by default.
func (o SocketOptions) keepAlive() (idle, interval time.Duration, probes int, patience time.Duration) {
	idle, interval, probes = o.KeepAliveIdle, o.KeepAliveInterval, o.KeepAliveCount
	if idle == 0 {
		idle = defaultKeepAliveIdle
	}
	if interval == 0 {
		interval = defaultKeepAliveInterval
	}
	if probes == 0 {
		probes = defaultKeepAliveCount
	}
	switch {
	case o.UserTimeout > 0:
		patience = o.UserTimeout
	case o.UserTimeout == 0 && idle > 0:
		patience = idle + time.Duration(probes)*interval
	}
	return idle, interval, probes, patience
}

// seconds rounds up: a time of less than one is no time to the kernel.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// fastOpenQueue bounds the connections that a listener takes with data and
// whose handshakes are not over.
const fastOpenQueue = 256

// An option is a socket option as the system knows it.
type option struct {
	level, name int
	known       bool
}
