package link

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"sync"

	"github.com/headrace-go/headrace/bench/internal/link/bridge"
)

// A Link is two network namespaces and the wire between them.
type Link struct {
	shape  bridge.Shape
	ends   [2]*namespace
	bridge *bridgeProcess
	close  func() error
}

// New makes a link. ctx bounds the making only. Without the means to make one
// it returns an error that matches ErrUnavailable.
func New(ctx context.Context, cfg Config) (*Link, error) {
	shape, err := cfg.Shape.Resolve()
	if err != nil {
		return nil, err
	}
	l := &Link{shape: shape}
	l.close = sync.OnceValue(l.tearDown)
	if err := l.build(ctx, cfg); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Link) build(ctx context.Context, cfg Config) (err error) {
	for side := range l.ends {
		if l.ends[side], err = newNamespace(); err != nil {
			return err
		}
		if err := l.ends[side].configure(cfg.CongestionControl); err != nil {
			return err
		}
	}
	longest := multiSegment(l.shape)
	if l.bridge, err = startBridge(ctx, cfg.Bridge, l.shape, longest > 0, l.ends); err != nil {
		return err
	}
	for side := range l.ends {
		if err := l.bringUp(ctx, Side(side), longest); err != nil {
			return err
		}
	}
	return nil
}

// bringUp gives one end its addresses, and keeps its kernel from sending
// packets that nobody asked for.
func (l *Link) bringUp(ctx context.Context, side Side, longest int64) error {
	path, err := exec.LookPath("ip")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	// The device's own queue only bridges the time until the bridge wakes up: it
	// must not overflow before the line's, which counts what it drops.
	commands := []string{
		"link set dev lo up",
		fmt.Sprintf("link set dev %s mtu %d txqueuelen 10000 multicast off addrgenmode none", device, mtu),
		fmt.Sprintf("addr add %s/24 dev %s", addrs4[side], device),
		fmt.Sprintf("addr add %s/64 dev %s nodad", addrs6[side], device),
		fmt.Sprintf("link set dev %s up", device),
	}
	if longest > 0 {
		commands = append(commands, fmt.Sprintf("link set dev %s gso_max_size %d", device, longest))
	}
	ip := exec.CommandContext(ctx, path, "-batch", "-")
	ip.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	var output bytes.Buffer
	ip.Stdout, ip.Stderr = &output, &output
	if err := l.Start(side, ip); err != nil {
		return err
	}
	if err := ip.Wait(); err != nil {
		return fmt.Errorf("link: ip in the %v's namespace: %w: %s", side, err, bytes.TrimSpace(output.Bytes()))
	}
	return nil
}

// Addr returns the IPv4 address of a side.
func (l *Link) Addr(side Side) netip.Addr { return addrs4[side] }

// Addr6 returns the IPv6 address of a side.
func (l *Link) Addr6(side Side) netip.Addr { return addrs6[side] }

// Start starts cmd in the namespace of a side, in place of cmd.Start. Wait is
// the caller's. The kernel kills the process when this one ends, and Close kills
// it if it still runs: Start sets cmd.SysProcAttr.Pdeathsig.
func (l *Link) Start(side Side, cmd *exec.Cmd) error { return l.ends[side].start(cmd) }

// Do calls f inside the namespace of a side and returns its error. Sockets
// that f opens stay there for good; goroutines that f starts are not inside.
func (l *Link) Do(side Side, f func() error) error { return l.ends[side].do(f) }

// Dial connects from a side to an address, which must be a literal one: the
// lookup of a name would leave the namespace.
//
// It is for tests and a few connections. A load generator is better started as a
// process inside the namespace: here each call changes a thread's namespace twice.
func (l *Link) Dial(ctx context.Context, side Side, network, address string) (conn net.Conn, err error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("link: dial: %w", err)
	}
	err = l.Do(side, func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens on a literal address at a side.
func (l *Link) Listen(ctx context.Context, side Side, network, address string) (ln net.Listener, err error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("link: listen: %w", err)
	}
	err = l.Do(side, func() (err error) {
		ln, err = new(net.ListenConfig).Listen(ctx, network, address)
		return err
	})
	return ln, err
}

// ListenPacket listens for datagrams on a literal address at a side.
func (l *Link) ListenPacket(ctx context.Context, side Side, network, address string) (conn net.PacketConn, err error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("link: listen: %w", err)
	}
	err = l.Do(side, func() (err error) {
		conn, err = new(net.ListenConfig).ListenPacket(ctx, network, address)
		return err
	})
	return conn, err
}

// Close removes the link: it ends the bridge, kills the processes that Start
// started and still run, and leaves the namespaces, which then vanish with the
// last socket in them. It returns an error if the bridge did not end well.
func (l *Link) Close() error { return l.close() }

func (l *Link) tearDown() error {
	var err error
	if l.bridge != nil {
		err = l.bridge.stop()
	}
	for _, end := range l.ends {
		if end != nil {
			end.close()
		}
	}
	return err
}
