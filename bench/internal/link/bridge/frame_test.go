package bridge

import (
	"encoding/binary"
	"testing"
)

// frameOf makes a frame: a virtual header and a packet whose headers are transport bytes
// of IP and then those of TCP (tcpWords 32-bit words) or UDP (tcpWords 0).
func frameOf(kind byte, segment, transport, tcpWords, data int) []byte {
	headers := transport + 8
	if tcpWords > 0 {
		headers = transport + 4*tcpWords
	}
	frame := make([]byte, headerSize+headers+data)
	frame[1] = kind
	binary.NativeEndian.PutUint16(frame[4:], uint16(segment))
	binary.NativeEndian.PutUint16(frame[6:], uint16(transport))
	if tcpWords > 0 {
		frame[headerSize+transport+12] = byte(tcpWords << 4)
	}
	return frame
}

func TestMeasure(t *testing.T) {
	const tcp4, udp, tcp6 = 1, 5, 4
	for _, tt := range []struct {
		name  string
		frame []byte
		want  Size
	}{
		{"single", frameOf(0, 0, 20, 8, 100), Size{1, 152}},
		{"TCP over IPv4", frameOf(tcp4, 1448, 20, 8, 3*1448), Size{3, 3 * 1500}},
		{"TCP over IPv4, short tail", frameOf(tcp4, 1448, 20, 8, 2*1448+1), Size{3, 2*1500 + 53}},
		{"TCP with ECN", frameOf(tcp4|0x80, 1460, 20, 5, 2*1460), Size{2, 2 * 1500}},
		{"TCP over IPv6", frameOf(tcp6, 1428, 40, 8, 20*1428), Size{20, 20 * 1500}},
		{"UDP over IPv4", frameOf(udp, 1200, 20, 0, 10*1200+7), Size{11, 10*1228 + 35}},
		{"UDP over IPv6", frameOf(udp, 1200, 40, 0, 1200), Size{1, 1248}},
		{"no segment length", frameOf(tcp4, 0, 20, 8, 3000), Size{1, 3052}},
		{"no data", frameOf(udp, 1200, 20, 0, 0), Size{1, 28}},
		{"headers beyond the end", frameOf(tcp4, 1448, 20, 8, 100)[:headerSize+30], Size{1, 30}},
		{"headers longer than the packet", frameOf(tcp4, 1448, 20, 15, 0)[:headerSize+60], Size{1, 60}},
		{"nothing", nil, Size{1, 0}},
	} {
		if got := measure(tt.frame); got != tt.want {
			t.Errorf("%s: measure = %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func FuzzMeasure(f *testing.F) {
	f.Add(frameOf(1, 1448, 20, 8, 3000))
	f.Add(frameOf(5, 1200, 40, 0, 3000))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, frame []byte) {
		got := measure(frame)
		if got.Packets < 1 || got.Packets > max(len(frame), 1) || got.Bytes < len(frame)-headerSize {
			t.Errorf("measure(%x) = %+v", frame, got)
		}
	})
}
