package bridge

import "encoding/binary"

// A frame is what one read of a TUN device with a virtual header returns: a
// struct virtio_net_hdr, then an IP packet, which may stand for many packets of
// the wire. The bridge writes it to the other device as it is: a checksum
// that the kernel left open on one side is then trusted on the other.
//
// Source: Virtual I/O Device (VIRTIO) 1.2, section 5.1.6; the fields are in
// the byte order of the machine.
const (
	headerSize = 10
	maxFrame   = headerSize + 65535

	segmentsNone  = 0
	segmentsUDP   = 5    // VIRTIO_NET_HDR_GSO_UDP_L4
	segmentsECN   = 0x80 // a flag beside the kind
	udpHeaderSize = 8
)

// Size is what a frame amounts to on the wire.
type Size struct {
	Packets int
	Bytes   int // of IP packets, each with its own headers
}

// measure returns the size of a frame. One that does not add up counts as a
// single packet of its length.
func measure(frame []byte) Size {
	if len(frame) <= headerSize {
		return Size{Packets: 1, Bytes: len(frame)}
	}
	header, packet := frame[:headerSize], frame[headerSize:]
	single := Size{Packets: 1, Bytes: len(packet)}
	kind := header[1] &^ segmentsECN
	if kind == segmentsNone {
		return single
	}
	segment := int(binary.NativeEndian.Uint16(header[4:]))
	// A multi-segment packet always leaves its checksum open, and where that
	// starts the transport header does.
	headers := int(binary.NativeEndian.Uint16(header[6:]))
	if kind == segmentsUDP {
		headers += udpHeaderSize
	} else {
		const dataOffset = 12
		if headers+dataOffset >= len(packet) {
			return single
		}
		headers += int(packet[headers+dataOffset]>>4) * 4
	}
	data := len(packet) - headers
	if segment == 0 || data <= 0 {
		return single
	}
	n := (data + segment - 1) / segment
	return Size{Packets: n, Bytes: n*headers + data}
}
