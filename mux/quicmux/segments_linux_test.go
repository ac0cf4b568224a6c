package quicmux_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/headrace-go/headrace/mux/quicmux"
)

// sendJoined sends datagrams, those of one length and perhaps a shorter one
// behind them as one (UDP_SEGMENT).
func sendJoined(t *testing.T, c *net.UDPConn, datagrams [][]byte) {
	t.Helper()
	for len(datagrams) > 0 {
		size, joined, n := len(datagrams[0]), []byte(nil), 0
		for n < len(datagrams) && n < 64 && (n == 0 || len(datagrams[n]) > 0) && len(datagrams[n]) <= size && len(joined)+size <= 60_000 {
			joined = append(joined, datagrams[n]...)
			if n++; len(datagrams[n-1]) < size || size == 0 {
				break
			}
		}
		var oob []byte
		if n > 1 {
			oob = make([]byte, unix.CmsgSpace(2))
			copy(oob, segmentMessage(size))
		}
		if _, _, err := c.WriteMsgUDP(joined, oob, nil); err != nil {
			t.Fatal(err)
		}
		datagrams = datagrams[n:]
	}
}

// segmentMessage is the control message that has the kernel cut at size.
func segmentMessage(size int) []byte {
	var b []byte
	if unix.SizeofPtr == 8 {
		b = binary.NativeEndian.AppendUint64(b, uint64(unix.CmsgLen(2)))
	} else {
		b = binary.NativeEndian.AppendUint32(b, uint32(unix.CmsgLen(2)))
	}
	b = binary.NativeEndian.AppendUint32(b, unix.SOL_UDP)
	b = binary.NativeEndian.AppendUint32(b, unix.UDP_SEGMENT)
	return binary.NativeEndian.AppendUint16(b, uint16(size))
}

// TestSegments: datagrams of many lengths come out as they went in, with the
// sender's address, however the kernel has joined them.
func TestSegments(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		at, err := net.ResolveUDPAddr("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		udp, err := net.ListenUDP("udp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer udp.Close()
		if err := udp.SetReadBuffer(4 << 20); err != nil {
			t.Fatal(err)
		}
		s := quicmux.Segments(udp)
		if s == nil {
			t.Skip("the kernel does not join datagrams")
		}
		to := udp.LocalAddr().(*net.UDPAddr)
		if to.IP.IsUnspecified() {
			to.IP = net.IPv4(127, 0, 0, 1)
		}
		sender, err := net.DialUDP("udp", nil, to)
		if err != nil {
			t.Fatal(err)
		}
		defer sender.Close()
		rng := rand.New(rand.NewPCG(1, 2))
		var ms []ipv4.Message
		for range 8 {
			ms = append(ms, ipv4.Message{Buffers: [][]byte{make([]byte, 1452)}, OOB: make([]byte, 128)})
		}
		for range 100 {
			var sent [][]byte
			for range 1 + rng.IntN(5) {
				size := 1 + rng.IntN(1452)
				for range 1 + rng.IntN(20) {
					sent = append(sent, bytes.Repeat([]byte{byte(rng.Uint32())}, size))
				}
				sent = append(sent, bytes.Repeat([]byte{7}, rng.IntN(size)))
			}
			sendJoined(t, sender, sent)
			for len(sent) > 0 {
				n, err := s.ReadBatch(ms, 0)
				if err != nil || n == 0 {
					t.Fatalf("ReadBatch = %d, %v", n, err)
				}
				for i := range ms[:n] {
					if got := ms[i].Buffers[0][:ms[i].N]; !bytes.Equal(got, sent[0]) {
						t.Fatalf("a datagram of %d bytes, want %d, with %d left", len(got), len(sent[0]), len(sent))
					}
					if from := ms[i].Addr.(*net.UDPAddr); from.AddrPort().Port() != uint16(sender.LocalAddr().(*net.UDPAddr).Port) || !from.IP.Equal(to.IP) {
						t.Fatalf("a datagram from %v, want %v", from, sender.LocalAddr())
					}
					sent = sent[1:]
				}
			}
		}
		// Whoever waits honours the deadline, and the end.
		if err := udp.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		_, err = s.ReadBatch(ms, 0)
		if e, ok := errors.AsType[net.Error](err); !ok || !e.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ReadBatch at the deadline = %v", err)
		}
		udp.Close()
		if _, err = s.ReadBatch(ms, 0); !errors.Is(err, net.ErrClosed) {
			t.Errorf("ReadBatch of a closed socket = %v", err)
		}
	}
}

// TestSegmentsAllocs: reading allocates nothing.
func TestSegmentsAllocs(t *testing.T) {
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	s := quicmux.Segments(udp)
	if s == nil {
		t.Skip("the kernel does not join datagrams")
	}
	sender, err := net.DialUDP("udp", nil, udp.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	ms := []ipv4.Message{{Buffers: [][]byte{make([]byte, 1452)}, OOB: make([]byte, 128)}}
	b := make([]byte, 1200)
	allocs := testing.AllocsPerRun(1000, func() {
		if _, err := sender.Write(b); err != nil {
			t.Fatal(err)
		}
		if n, err := s.ReadBatch(ms, 0); n != 1 || err != nil {
			t.Fatalf("ReadBatch = %d, %v", n, err)
		}
	})
	if allocs > 0 && !raceEnabled {
		t.Errorf("a read allocates %v times, want none", allocs)
	}
}
