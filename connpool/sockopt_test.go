package connpool_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/headrace-go/headrace/connpool"
)

// TestControlsAreChained: the user's own come first, and their errors count.
func TestControlsAreChained(t *testing.T) {
	refuse := errors.New("refused")
	ran := 0
	control := func(err error) func(string, string, syscall.RawConn) error {
		return func(string, string, syscall.RawConn) error { ran++; return err }
	}
	controlContext := func(err error) func(context.Context, string, string, syscall.RawConn) error {
		return func(context.Context, string, string, syscall.RawConn) error { ran++; return err }
	}
	var o connpool.SocketOptions
	lc := o.ListenConfig(net.ListenConfig{Control: control(nil)})
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil || ran != 1 {
		t.Fatalf("Listen: %v, %d controls ran", err, ran)
	}
	defer ln.Close()
	address := ln.Addr().String()
	lc = o.ListenConfig(net.ListenConfig{Control: control(refuse)})
	if _, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0"); !errors.Is(err, refuse) {
		t.Errorf("Listen: %v, want the control's error", err)
	}
	for _, d := range []net.Dialer{{Control: control(nil)}, {ControlContext: controlContext(nil)}} {
		ran = 0
		d = o.Dialer(d)
		c, err := d.DialContext(t.Context(), "tcp", address)
		if err != nil || ran != 1 {
			t.Fatalf("DialContext: %v, %d controls ran", err, ran)
		}
		c.Close()
	}
	for _, d := range []net.Dialer{{Control: control(refuse)}, {ControlContext: controlContext(refuse)}} {
		d = o.Dialer(d)
		if _, err := d.DialContext(t.Context(), "tcp", address); !errors.Is(err, refuse) {
			t.Errorf("DialContext: %v, want the control's error", err)
		}
	}
}

// TestWhatIsLackingIsReported by an error, or to whoever wants to go on without.
func TestWhatIsLackingIsReported(t *testing.T) {
	address := serve(t, func(_ int, c *net.TCPConn) { c.Close() })
	o := connpool.SocketOptions{CongestionControl: "no-such-algorithm"}
	d := o.Dialer(net.Dialer{})
	var failed *connpool.OptionError
	if _, err := d.DialContext(t.Context(), "tcp", address); !errors.As(err, &failed) || failed.Option != "CongestionControl" {
		t.Errorf("DialContext = %v, want an OptionError", err)
	}
	var lacking []string
	o.Lacking = func(err *connpool.OptionError) { lacking = append(lacking, err.Option) }
	d = o.Dialer(net.Dialer{})
	c, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil || len(lacking) != 1 {
		t.Fatalf("DialContext = %v, told of %q", err, lacking)
	}
	c.Close()

	if err := (connpool.SocketOptions{}).Check(); err != nil {
		t.Errorf("Check of the zero value: %v", err)
	}
	if err := (connpool.SocketOptions{NotSentLowat: -1}).Check(); !errors.As(err, &failed) {
		t.Errorf("Check of nonsense: %v", err)
	}
	err = connpool.SocketOptions{FastOpen: true, Mark: 1, Device: "lo", UserTimeout: time.Second}.Check()
	if (runtime.GOOS == "linux") != (err == nil) || err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Check on %s: %v", runtime.GOOS, err)
	}
}
