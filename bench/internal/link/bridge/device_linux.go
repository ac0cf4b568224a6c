package bridge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A Device is a TUN device, held open without blocking. It vanishes when it is
// closed.
type Device struct {
	fd      int
	name    string
	offload bool
}

// CreateDevice makes a TUN device in the network namespace that the file at
// path stands for ("" is the caller's own). With offload it carries
// multi-segment packets: TCP and, from Linux 6.2 on, UDP. It needs
// CAP_NET_ADMIN, and CAP_SYS_ADMIN to enter the namespace.
func CreateDevice(path, name string, offload bool) (*Device, error) {
	d := &Device{fd: -1, name: name, offload: offload}
	if path == "" {
		if err := d.create(); err != nil {
			return nil, err
		}
		return d, nil
	}
	done := make(chan error)
	go func() {
		// The thread stays locked, and so ends with this goroutine: it must
		// not serve others from inside the namespace.
		runtime.LockOSThread()
		done <- d.createIn(path)
	}()
	if err := <-done; err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Device) createIn(path string) error {
	namespace, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("bridge: open namespace: %w", err)
	}
	defer namespace.Close()
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return unavailable("enter namespace "+path, err)
	}
	return d.create()
}

func (d *Device) create() (err error) {
	request, err := unix.NewIfreq(d.name)
	if err != nil {
		return fmt.Errorf("bridge: device name %q: %w", d.name, err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	d.fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%w: open /dev/net/tun: %w", ErrUnavailable, err)
	}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	if err := unix.IoctlIfreq(d.fd, unix.TUNSETIFF, request); err != nil {
		return unavailable("create "+d.name, err)
	}
	if !d.offload {
		return nil
	}
	const tcp = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6
	const udp = unix.TUN_F_USO4 | unix.TUN_F_USO6
	err = unix.IoctlSetInt(d.fd, unix.TUNSETOFFLOAD, tcp|udp)
	if err == unix.EINVAL { // before Linux 6.2
		err = unix.IoctlSetInt(d.fd, unix.TUNSETOFFLOAD, tcp)
	}
	if err != nil {
		return fmt.Errorf("bridge: offload on %s: %w", d.name, err)
	}
	return nil
}

// unavailable says what failed, and whether it did for lack of rights.
func unavailable(what string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, what, err)
	}
	return fmt.Errorf("bridge: %s: %w", what, err)
}

// Close removes the device.
func (d *Device) Close() error { return unix.Close(d.fd) }
