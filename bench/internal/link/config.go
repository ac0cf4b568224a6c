package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/headrace-go/headrace/bench/internal/link/bridge"
)

var (
	// ErrUnavailable: this machine, or this user, cannot have a link, which needs
	// Linux, root, /dev/net/tun and the ip program. The text of the error that
	// wraps it says what is missing.
	ErrUnavailable = bridge.ErrUnavailable

	// ErrVoid: traffic does not cross the link as it should, so that nothing
	// measured on it counts.
	ErrVoid = errors.New("link: void")

	// ErrClosed: the Link is closed. It matches net.ErrClosed under errors.Is.
	ErrClosed = fmt.Errorf("link: closed: %w", net.ErrClosed)
)

// Config describes a link.
type Config struct {
	// Shape is what the link does to packets, in each direction. Its zero value
	// means 1 Gbit/s, 10 ms each way and a queue of one bandwidth-delay product.
	Shape bridge.Shape
	// CongestionControl is that of TCP in both namespaces. Empty means what the
	// kernel gives a new namespace. Report tells what it is either way.
	// The kernel takes only what the machine's own
	// net.ipv4.tcp_allowed_congestion_control names, which New leaves as it is.
	CongestionControl string
	// Bridge is the linkbridge program. Empty means the one in PATH.
	Bridge string
}

// Side is an end of the link.
type Side int

const (
	Client Side = iota
	Server
)

func (s Side) String() string {
	if s == Client {
		return "client"
	}
	return "server"
}

// The addresses are those that RFC 5737 and RFC 3849 keep for documentation.
var (
	addrs4 = [2]netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
	addrs6 = [2]netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")}
)

const (
	device = "link0"
	mtu    = 1500
)

// multiSegment returns how long a multi-segment packet may be: what the link
// carries in a Grain. Such a packet crosses as a whole, so its length is how
// coarse the link is; but each crossing costs two system calls. Zero means single
// packets only.
func multiSegment(s bridge.Shape) int64 {
	const longest = 65536
	if s.Loss > 0 { // packets are lost one by one
		return 0
	}
	size := min(int64(float64(s.Rate)/8*bridge.Grain.Seconds()), longest)
	if size < 2*mtu {
		return 0
	}
	return size
}
