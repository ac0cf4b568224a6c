package quicmux

import (
	"net"

	"golang.org/x/net/ipv4"
)

// Segments returns what reads datagrams that arrive joined.
func Segments(udp *net.UDPConn) interface {
	ReadBatch([]ipv4.Message, int) (int, error)
} {
	if s := newSegments(udp); s != nil {
		return s
	}
	return nil
}
