package trojan

import (
	"net/netip"

	"github.com/headrace-go/headrace/examples/internal/names"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

// Direct returns a new UDP socket as a stream of packets: a packet is a datagram
// to the address that it names, or from there. Names that r does not know yet
// are looked up beside the stream.
func Direct(r *names.Resolver) (*Packets, error) {
	socket, err := names.OpenAny(netip.AddrPort{})
	if err != nil {
		return nil, err
	}
	codec := &direct{names: r}
	if codec.packets, err = NewPackets(socket, codec); err != nil {
		_ = socket.Close()
		return nil, err
	}
	return codec.packets, nil
}

type direct struct {
	names   *names.Resolver
	packets *Packets
}

func (d *direct) Open(datagram []byte, source netip.AddrPort) (socks.Addr, []byte, bool) {
	return socks.FromAddrPort(source), datagram, true
}

func (d *direct) Seal(_ []byte, about socks.Addr, payload []byte) ([]byte, netip.AddrPort, bool) {
	ip, ok := about.IP, about.IP.IsValid()
	switch {
	case about.Port == 0:
		return nil, netip.AddrPort{}, false
	case !ok:
		ip, ok = d.names.Known(about.Name)
	}
	if ok {
		return payload, netip.AddrPortFrom(ip, about.Port), true
	}
	later := append([]byte(nil), payload...)
	_ = d.names.Resolve(about.Name, func(ip netip.Addr, err error) { // busy means lost
		if err == nil {
			_ = d.packets.SendTo(later, netip.AddrPortFrom(ip, about.Port))
		}
	})
	return nil, netip.AddrPort{}, false
}
