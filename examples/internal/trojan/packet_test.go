package trojan_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/headrace-go/headrace/examples/internal/names"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/examples/internal/trojan"
)

func TestPacketOnTheWire(t *testing.T) {
	got := trojan.AppendPacket([]byte("x"), socks.Addr{Name: "a.b", Port: 0x0102}, []byte("payload"))
	if want := "x\x03\x03a.b\x01\x02\x00\x07\r\npayload"; string(got) != want {
		t.Errorf("AppendPacket = %q, want %q", got, want)
	}
}

func TestParsePacket(t *testing.T) {
	for _, dest := range dests {
		for _, size := range []int{0, 1, 1000, 65535} {
			payload := bytes.Repeat([]byte("p"), size)
			wire := trojan.AppendPacket(nil, dest, payload)
			a, p, n, err := trojan.ParsePacket(append(bytes.Clone(wire), "next"...))
			if a != dest || !bytes.Equal(p, payload) || n != len(wire) || err != nil {
				t.Errorf("%v, %d bytes: ParsePacket = %v, %d bytes, %d, %v", dest, size, a, len(p), n, err)
			}
			for cut := range min(len(wire), 300) {
				if _, _, n, err := trojan.ParsePacket(wire[:cut]); n != 0 || err != nil {
					t.Fatalf("%v: the first %d bytes: %d, %v, want more", dest, cut, n, err)
				}
			}
		}
	}
	for name, wire := range map[string][]byte{
		"type":     []byte("\x09\x01"),
		"line end": []byte("\x01\x7f\x00\x00\x01\x00\x50\x00\x00\r\r"),
	} {
		if _, _, n, err := trojan.ParsePacket(wire); n != 0 || !errors.Is(err, trojan.ErrPacket) {
			t.Errorf("%s: %d, %v, want ErrPacket", name, n, err)
		}
	}
}

func FuzzParsePacket(f *testing.F) {
	for _, dest := range dests {
		f.Add(trojan.AppendPacket(nil, dest, []byte("payload")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, payload, n, err := trojan.ParsePacket(b)
		if err != nil || n == 0 {
			return
		}
		if again := trojan.AppendPacket(nil, a, payload); !bytes.Equal(again, b[:n]) {
			t.Fatalf("%q was understood as %q", b[:n], again)
		}
	})
}

// echoUDP answers every datagram with itself.
func echoUDP(t *testing.T) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 65536)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = c.WriteToUDPAddrPort(buf[:n], from)
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-ended })
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// TestDirect sends packets in pieces of all sizes, to an address and a name,
// and reads them in pieces.
func TestDirect(t *testing.T) {
	echo := echoUDP(t)
	var r names.Resolver
	defer r.Wait()
	p, err := trojan.Direct(&r)
	if err != nil {
		t.Fatal(err)
	}
	to := socks.FromAddrPort(echo)
	back := iotestReader{p}
	for _, size := range []int{1, 1200, 60000} {
		for _, piece := range []int{1 << 20, 1000, 7} {
			payload := bytes.Repeat([]byte{byte(size)}, size)
			for wire := trojan.AppendPacket(nil, to, payload); len(wire) > 0; wire = wire[min(piece, len(wire)):] {
				if _, err := p.Write(wire[:min(piece, len(wire))]); err != nil {
					t.Fatal(err)
				}
			}
			want := trojan.AppendPacket(nil, to, payload)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(back, got); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes in pieces of %d: %v", size, piece, err)
			}
		}
	}
	// Many at a time.
	var wire []byte
	for i := range 100 {
		wire = trojan.AppendPacket(wire, to, bytes.Repeat([]byte{byte(i)}, 100))
	}
	if _, err := p.Write(wire); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(wire))
	if _, err := io.ReadFull(back, got); err != nil || !bytes.Equal(got, wire) {
		t.Fatalf("many datagrams: %v", err)
	}
	if _, err := p.Write(trojan.AppendPacket(nil, socks.Addr{Name: "localhost", Port: echo.Port()}, []byte("by name"))); err != nil {
		t.Fatal(err)
	}
	r.Wait()
	if ip, ok := r.Known("localhost"); ok && ip.Is4() { // the echo has no other address
		want := trojan.AppendPacket(nil, to, []byte("by name"))
		got := make([]byte, len(want))
		if _, err := io.ReadFull(back, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("by name: %q, %v", got, err)
		}
	}
	if _, err := p.Write([]byte("\x09nonsense")); !errors.Is(err, trojan.ErrPacket) {
		t.Errorf("Write of nonsense: %v, want ErrPacket", err)
	}
	if err := p.CloseWrite(); err != nil {
		t.Error(err)
	}
	if n, err := p.Read(got); n != 0 || err != io.EOF {
		t.Errorf("Read after the end = %d, %v, want EOF", n, err)
	}
}

// iotestReader reads odd sizes.
type iotestReader struct{ io.Reader }

func (r iotestReader) Read(b []byte) (int, error) { return r.Reader.Read(b[:min(len(b), 1003)]) }

func TestDirectDeadline(t *testing.T) {
	p, err := trojan.Direct(&names.Resolver{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Read(make([]byte, 1)); !isTimeout(err) {
		t.Errorf("Read = %v, want a missed deadline", err)
	}
}

func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}
