package vecio_test

import (
	"fmt"
	"log"
	"net"
	"net/netip"

	"github.com/headrace-go/headrace/vecio"
)

// Three datagrams leave in one system call, and arrive as three.
func ExampleBatchConn() {
	open := func() *vecio.BatchConn {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			log.Fatal(err)
		}
		b, err := vecio.NewBatchConn(c, vecio.BatchConfig{})
		if err != nil {
			log.Fatal(err)
		}
		return b
	}
	from, to := open(), open()
	defer from.Close()
	defer to.Close()

	dest := to.Conn().LocalAddr().(*net.UDPAddr).AddrPort()
	sent, err := from.WriteBatch([]vecio.Datagram{
		{Data: []byte("one"), Addr: dest},
		{Data: []byte("two"), Addr: dest},
		{Data: []byte("no"), Addr: dest},
	})
	if err != nil {
		log.Fatal(err)
	}
	in := make([]vecio.Datagram, 4)
	for i := range in {
		in[i].Buf = make([]byte, 1<<16)
	}
	for received := 0; received < sent; {
		n, err := to.ReadBatch(in)
		if err != nil {
			log.Fatal(err)
		}
		for i := range in[:n] { // on Linux one, with three in it
			in[i].Split(func(b []byte) {
				received++
				fmt.Printf("%s\n", b)
			})
		}
	}
	// Output:
	// one
	// two
	// no
}

// A forwarder: every client has a socket of its own towards the target, and
// while it is idle nothing else.
func ExampleFlowTable() {
	target, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		log.Fatal(err)
	}
	defer target.Close()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		log.Fatal(err)
	}
	clients, err := vecio.NewBatchConn(c, vecio.BatchConfig{})
	if err != nil {
		log.Fatal(err)
	}
	parker, err := vecio.NewParker()
	if err != nil {
		log.Fatal(err)
	}
	defer parker.Close()
	table, err := vecio.NewFlowTable(clients, vecio.FlowTableConfig{
		Parker: parker,
		Open: func(netip.AddrPort) (*net.UDPConn, error) {
			return net.DialUDP("udp4", nil, target.LocalAddr().(*net.UDPAddr))
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer table.Close()

	client, err := net.DialUDP("udp4", nil, c.LocalAddr().(*net.UDPAddr))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Write([]byte("there")); err != nil {
		log.Fatal(err)
	}
	b := make([]byte, 100)
	n, flow, err := target.ReadFromUDPAddrPort(b)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", b[:n])
	if _, err := target.WriteToUDPAddrPort([]byte("and back"), flow); err != nil {
		log.Fatal(err)
	}
	n, err = client.Read(b)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", b[:n])
	// Output:
	// there
	// and back
}
