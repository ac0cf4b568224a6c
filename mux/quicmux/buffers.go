package quicmux

import "net"

// wantedBuffer is what quic-go recommends for high rates.
const wantedBuffer = 7 << 20

// ask asks for large socket buffers, and returns what there is then.
func ask(c *net.UDPConn) Buffers {
	b := Buffers{ReadAsked: wantedBuffer, WriteAsked: wantedBuffer}
	b.ReadGranted, b.WriteGranted = setBuffers(c, wantedBuffer)
	return b
}
