//go:build !linux

package quicmux

import (
	"net"

	"github.com/quic-go/quic-go"
)

// newSegments returns nothing: only Linux joins datagrams.
func newSegments(*net.UDPConn) quic.OOBCapablePacketConn { return nil }
