package vecio_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/headrace-go/headrace/vecio"
)

// batchModes are the ways in which a batch may move.
var batchModes = []struct {
	name string
	cfg  vecio.BatchConfig
}{
	{"offload", vecio.BatchConfig{}},
	{"nogso", vecio.BatchConfig{NoGSO: true}},
	{"nogro", vecio.BatchConfig{NoGRO: true}},
	{"mmsg", vecio.BatchConfig{NoGSO: true, NoGRO: true}},
	{"shorttails", vecio.BatchConfig{NoEqualTails: true}},
	{"portable", vecio.PortableBatch(vecio.BatchConfig{})},
}

func listenUDP(t testing.TB, network, address string) *net.UDPConn {
	t.Helper()
	at, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenUDP(network, at)
	if err != nil && network == "udp6" {
		t.Skipf("no IPv6 on this machine to send datagrams by: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// addrOf is where c is reached on loopback.
func addrOf(c *net.UDPConn, loopback string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(loopback), c.LocalAddr().(*net.UDPAddr).AddrPort().Port())
}

func batchConn(t testing.TB, c *net.UDPConn, cfg vecio.BatchConfig) *vecio.BatchConn {
	t.Helper()
	b, err := vecio.NewBatchConn(c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readBuffers are those of readDatagrams, which no two tests call at once: to
// make them anew each time takes longer than the tests do.
var readBuffers [8][1 << 16]byte

// readDatagrams reads n datagrams, each of its own.
func readDatagrams(t testing.TB, c *vecio.BatchConn, n int) (all []vecio.Datagram) {
	t.Helper()
	c.Conn().SetReadDeadline(time.Now().Add(time.Minute))
	ms := make([]vecio.Datagram, len(readBuffers))
	for i := range ms {
		ms[i].Buf = readBuffers[i][:]
	}
	for len(all) < n {
		k, err := c.ReadBatch(ms)
		if err != nil {
			t.Fatalf("after %d of %d datagrams: %v", len(all), n, err)
		}
		for i := range ms[:k] {
			count := len(all)
			ms[i].Split(func(b []byte) {
				d := ms[i]
				d.Data, d.Segment = bytes.Clone(b), 0
				all = append(all, d)
			})
			if got := len(all) - count; got != ms[i].Count() {
				t.Fatalf("%d bytes in segments of %d: Split gives %d, Count says %d", len(ms[i].Data), ms[i].Segment, got, ms[i].Count())
			}
		}
	}
	if len(all) > n {
		t.Fatalf("%d datagrams arrived, %d were sent", len(all), n)
	}
	return all
}

// numbered returns n bytes that tell which datagram they are.
func numbered(i, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)}).Read(b)
	if n >= 4 {
		binary.BigEndian.PutUint32(b, uint32(i))
	}
	return b
}

// batchSizes are the sizes of batches, in all the shapes that runs may have.
func batchSizes() map[string][]int {
	return map[string][]int{
		"one":         {1200},
		"equal":       slices.Repeat([]int{1200}, 40),
		"short tail":  append(slices.Repeat([]int{1200}, 12), 7),
		"full run":    append(slices.Repeat([]int{300}, 64), 300, 300),
		"over a run":  slices.Repeat([]int{100}, 130),
		"total":       slices.Repeat([]int{9000}, 17), // more than a message may have
		"empty":       {0, 0, 1200, 1200, 0, 1200, 0},
		"descending":  {1400, 1300, 1200, 1100, 1000, 999},
		"ascending":   {10, 20, 20, 30, 30, 30, 5, 5},
		"largest":     {vecio.MaxDatagram, 1, vecio.MaxDatagram},
		"single byte": slices.Repeat([]int{1}, 70),
	}
}

// Whatever is sent arrives, each datagram as it was, in the order that loopback
// keeps, by every combination of means and kinds of sockets.
func TestBatchRoundTrip(t *testing.T) {
	kinds := []struct {
		name, network, listen, loopback string
	}{
		{"ipv4", "udp4", "127.0.0.1:0", "127.0.0.1"},
		{"ipv6", "udp6", "[::1]:0", "::1"},
		{"dual", "udp", ":0", "127.0.0.1"},
		{"dual6", "udp", ":0", "::1"},
	}
	for _, k := range kinds {
		for _, tx := range batchModes {
			for _, rx := range batchModes {
				for _, connected := range []bool{false, true} {
					name := fmt.Sprintf("%s/%s-%s/connected=%v", k.name, tx.name, rx.name, connected)
					t.Run(name, func(t *testing.T) {
						to := listenUDP(t, k.network, k.listen)
						dest := addrOf(to, k.loopback)
						from := listenUDP(t, k.network, k.listen)
						if connected {
							from.Close()
							var err error
							if from, err = net.DialUDP(k.network, nil, net.UDPAddrFromAddrPort(dest)); err != nil {
								t.Fatal(err)
							}
							t.Cleanup(func() { from.Close() })
						}
						to.SetReadBuffer(4 << 20)
						checkBatches(t, batchConn(t, from, tx.cfg), batchConn(t, to, rx.cfg), dest, addrOf(from, k.loopback))
					})
				}
			}
		}
	}
}

func checkBatches(t *testing.T, from, to *vecio.BatchConn, dest, source netip.AddrPort) {
	t.Helper()
	for name, sizes := range batchSizes() {
		var ms []vecio.Datagram
		var want [][]byte
		for i, n := range sizes {
			want = append(want, numbered(i, n))
			ms = append(ms, vecio.Datagram{Data: bytes.Clone(want[i]), Addr: dest})
		}
		// Not more at once than a socket's buffer of the default size holds.
		for i := 0; i < len(ms); {
			end, total := i, 0
			for end < len(ms) && (end == i || total+len(ms[end].Data)+1000 < 100<<10) {
				total += len(ms[end].Data) + 1000
				end++
			}
			sent, err := from.WriteBatch(ms[i:end])
			if err != nil || sent != end-i {
				t.Fatalf("%s: WriteBatch of %d = %d, %v", name, end-i, sent, err)
			}
			for j, d := range readDatagrams(t, to, end-i) {
				if !bytes.Equal(d.Data, want[i+j]) {
					t.Fatalf("%s: datagram %d of %d bytes arrived as %d other ones", name, i+j, len(want[i+j]), len(d.Data))
				}
				if d.Addr != source || d.Truncated {
					t.Fatalf("%s: datagram %d from %v, truncated %v; want from %v", name, i+j, d.Addr, d.Truncated, source)
				}
			}
			i = end
		}
		for i := range ms {
			if !bytes.Equal(ms[i].Data, want[i]) {
				t.Fatalf("%s: WriteBatch changed datagram %d", name, i)
			}
		}
	}
	in, out := to.Stats(), from.Stats()
	if in.ReadDatagrams != out.WrittenDatagrams || in.Truncated != 0 || out.Refused != 0 || out.Fallbacks != 0 {
		t.Errorf("sent %+v\nread %+v", out, in)
	}
}

// What was read as one entry can be written as it is.
func TestBatchSegments(t *testing.T) {
	for _, tx := range batchModes {
		for _, n := range []int{1, 99, 100, 101, 6400, 6401, 65000} {
			to := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
			from := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), tx.cfg)
			to.Conn().SetReadBuffer(4 << 20)
			size := 100
			if n == 65000 {
				size = 1000 // a socket's buffer is charged for each datagram
			}
			d := vecio.Datagram{Data: numbered(1, n), Segment: size, Addr: addrOf(to.Conn(), "127.0.0.1")}
			sent, err := from.WriteBatch([]vecio.Datagram{d, {Data: []byte("end"), Addr: d.Addr}})
			if err != nil || sent != d.Count()+1 {
				t.Fatalf("%s: %d bytes: sent %d, %v, want %d", tx.name, n, sent, err, d.Count()+1)
			}
			var got []byte
			for i, r := range readDatagrams(t, to, sent) {
				if i < d.Count()-1 && len(r.Data) != size {
					t.Fatalf("%s: %d bytes: datagram %d has %d, want %d", tx.name, n, i, len(r.Data), size)
				}
				got = append(got, r.Data...)
			}
			if !bytes.Equal(got, append(bytes.Clone(d.Data), "end"...)) {
				t.Fatalf("%s: %d bytes: other ones arrived", tx.name, n)
			}
		}
	}
}

// Neighbours with other destinations, or other marks, do not leave as one.
func TestBatchDestinations(t *testing.T) {
	for _, tx := range batchModes {
		from := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), tx.cfg)
		var to [3]*vecio.BatchConn
		for i := range to {
			to[i] = batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
		}
		var ms []vecio.Datagram
		var want [3][][]byte
		for i := range 60 {
			k := i / 4 % 3
			b := numbered(i, 500)
			want[k] = append(want[k], b)
			ms = append(ms, vecio.Datagram{Data: b, Addr: addrOf(to[k].Conn(), "127.0.0.1")})
		}
		if sent, err := from.WriteBatch(ms); sent != len(ms) || err != nil {
			t.Fatalf("%s: sent %d, %v", tx.name, sent, err)
		}
		for k := range to {
			for i, d := range readDatagrams(t, to[k], len(want[k])) {
				if !bytes.Equal(d.Data, want[k][i]) {
					t.Errorf("%s: socket %d: datagram %d is another", tx.name, k, i)
				}
			}
		}
	}
}

func TestBatchTruncated(t *testing.T) {
	for _, rx := range batchModes {
		to := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), rx.cfg)
		from := listenUDP(t, "udp4", "127.0.0.1:0")
		sizes := []int{99, 100, 101, 60000, 0}
		for i, n := range sizes {
			if _, err := from.WriteToUDPAddrPort(numbered(i, n), addrOf(to.Conn(), "127.0.0.1")); err != nil {
				t.Fatal(err)
			}
		}
		ms := make([]vecio.Datagram, 3)
		for i := 0; i < len(sizes); {
			for j := range ms {
				ms[j].Buf = make([]byte, 100, 200)
			}
			n, err := to.ReadBatch(ms)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range ms[:n] {
				want := numbered(i, sizes[i])[:min(100, sizes[i])]
				if !bytes.Equal(d.Data, want) || d.Truncated != (sizes[i] > 100) || len(d.Buf) != 100 {
					t.Errorf("%s: %d bytes into 100: %d, truncated %v", rx.name, sizes[i], len(d.Data), d.Truncated)
				}
				if beyond := d.Buf[100:200]; !bytes.Equal(beyond, make([]byte, 100)) {
					t.Errorf("%s: %d bytes into 100: wrote beyond", rx.name, sizes[i])
				}
				i++
			}
		}
		if got := to.Stats().Truncated; got != 2 {
			t.Errorf("%s: Stats().Truncated = %d, want 2", rx.name, got)
		}
	}
}

// A datagram that the system refuses does not keep the others back.
func TestBatchRefused(t *testing.T) {
	for _, tx := range batchModes {
		to := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), vecio.BatchConfig{})
		from := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), tx.cfg)
		dest := addrOf(to.Conn(), "127.0.0.1")
		ms := []vecio.Datagram{
			{Data: make([]byte, vecio.MaxDatagram+1), Addr: dest}, // too long
			{Data: numbered(0, 1000), Addr: dest},
			{Data: numbered(0, 1000)}, // to nowhere
			{Data: numbered(1, 1000), Addr: dest},
			{Data: make([]byte, 3000), Segment: 1000, Addr: netip.MustParseAddrPort("127.0.0.1:0")}, // no port
			{Data: numbered(2, 1000), Addr: dest},
			{Data: numbered(2, 1000), Addr: netip.MustParseAddrPort("[2001:db8::1]:9")}, // other family
			{Data: numbered(3, 1000), Addr: dest},
		}
		sent, err := from.WriteBatch(ms)
		if sent != 4 || err == nil {
			t.Fatalf("%s: sent %d, %v, want 4 and an error", tx.name, sent, err)
		}
		for i, d := range readDatagrams(t, to, 4) {
			if !bytes.Equal(d.Data, numbered(i, 1000)) {
				t.Errorf("%s: datagram %d is another", tx.name, i)
			}
		}
		if s := from.Stats(); s.Refused != 6 || s.Fallbacks != 0 {
			t.Errorf("%s: %+v: want 6 refused, and no fall-back", tx.name, s)
		}
	}
}

// A peer that is not there makes itself felt, and does not end anything.
func TestBatchPeerGone(t *testing.T) {
	for _, mode := range batchModes {
		gone := listenUDP(t, "udp4", "127.0.0.1:0")
		dest := addrOf(gone, "127.0.0.1")
		gone.Close()
		raw, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(dest))
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		c := batchConn(t, raw, mode.cfg)
		one := []vecio.Datagram{{Data: []byte("x"), Buf: make([]byte, 1<<16)}}
		// The answer to the first is there before the call returns.
		for range 3 {
			if sent, err := c.WriteBatch(one); sent != 1 || err != nil {
				t.Errorf("%s: WriteBatch to nobody = %d, %v, want it sent", mode.name, sent, err)
			}
		}
		if n, err := c.ReadBatch(one); n != 0 || err == nil {
			t.Errorf("%s: ReadBatch = %d, %v, want what the peer's system says", mode.name, n, err)
		}
		at, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(dest))
		if err != nil {
			t.Logf("somebody took the port: %v", err)
			continue
		}
		if _, err := at.WriteToUDPAddrPort([]byte("back"), addrOf(raw, "127.0.0.1")); err != nil {
			t.Fatal(err)
		}
		if n, err := c.ReadBatch(one); n != 1 || err != nil || string(one[0].Data) != "back" {
			t.Errorf("%s: ReadBatch = %d, %v, want what the peer says now", mode.name, n, err)
		}
		at.Close()
	}
}

func TestBatchDeadlineAndClose(t *testing.T) {
	for _, mode := range batchModes {
		c := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), mode.cfg)
		one := []vecio.Datagram{{Data: []byte("x"), Buf: make([]byte, 10), Addr: addrOf(c.Conn(), "127.0.0.1")}}
		c.Conn().SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := c.ReadBatch(one); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: read: %v, want a timeout", mode.name, err)
		}
		c.Conn().SetReadDeadline(time.Time{})
		c.Conn().SetWriteDeadline(time.Unix(1, 0))
		if sent, err := c.WriteBatch(one); sent != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: write: %d, %v, want a timeout", mode.name, sent, err)
		}
		ended := make(chan error)
		go func() {
			_, err := c.ReadBatch(one)
			ended <- err
		}()
		c.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: read: %v, want net.ErrClosed", mode.name, err)
		}
		if sent, err := c.WriteBatch(one); sent != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: write: %d, %v, want net.ErrClosed", mode.name, sent, err)
		}
		if _, err := vecio.NewBatchConn(c.Conn(), mode.cfg); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: NewBatchConn: %v, want net.ErrClosed", mode.name, err)
		}
	}
}

func TestBatchOfNothing(t *testing.T) {
	for _, mode := range batchModes {
		c := batchConn(t, listenUDP(t, "udp4", "127.0.0.1:0"), mode.cfg)
		if n, err := c.ReadBatch(nil); n != 0 || err != nil {
			t.Errorf("%s: read %d, %v", mode.name, n, err)
		}
		if n, err := c.WriteBatch(nil); n != 0 || err != nil {
			t.Errorf("%s: wrote %d, %v", mode.name, n, err)
		}
	}
}
