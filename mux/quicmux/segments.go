package quicmux

import (
	"net"

	"github.com/quic-go/quic-go"
)

// through returns what quic-go reads and writes udp by, and whether datagrams
// then arrive many at a time.
func (cfg *Config) through(udp *net.UDPConn) (c quic.OOBCapablePacketConn, gro bool) {
	if !cfg.portable {
		if s := newSegments(udp); s != nil {
			return s, true
		}
	}
	return udp, false
}
