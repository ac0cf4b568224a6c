package main

import (
	"bytes"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/internal/await"
)

// datagramSizes are those of the datagrams that tests send.
var datagramSizes = append([]int{0, 1, 1200, 1400, 9000, 60000}, slices.Repeat([]int{1200}, 100)...)

// Datagrams go to targets of every kind and back, from one source for all.
func TestAssociate(t *testing.T) {
	p := start(t)
	a := proxytest.Associate(t, p.Addr)
	v4 := proxytest.EchoUDP(t, "127.0.0.1:0")
	a.EchoDatagrams(v4, datagramSizes...)
	a.EchoDatagrams(proxytest.EchoUDP(t, "127.0.0.1:0"), datagramSizes...)
	a.EchoDatagrams(socks.Addr{Name: "127.0.0.1", Port: v4.Port}, datagramSizes...)
	if hasIPv6() {
		a.EchoDatagrams(proxytest.EchoUDP(t, "[::1]:0"), datagramSizes...)
	}
	targets := []struct {
		dest socks.Addr
		from netip.AddrPort
	}{{}, {}}
	for i := range targets {
		c := proxytest.ListenUDP(t, "127.0.0.1:0")
		targets[i].dest = proxytest.DestOf(c)
		a.Send(targets[i].dest, []byte("who"))
		_, targets[i].from = proxytest.ReceiveFrom(t, c)
	}
	if targets[0].from != targets[1].from {
		t.Errorf("one target sees %v, another %v", targets[0].from, targets[1].from)
	}
	proxytest.Quiet(t, p)
}

// A name is resolved while the datagrams behind it go on.
func TestAssociateByName(t *testing.T) {
	p := start(t)
	a := proxytest.Associate(t, p.Addr)
	echo := proxytest.EchoUDP(t, ":0") // localhost may be of either family
	name := socks.Addr{Name: "localhost", Port: echo.Port}
	a.Send(name, []byte("by name"))
	if _, got := a.Receive(); string(got) != "by name" {
		t.Errorf("%q came back", got)
	}
	proxytest.Quiet(t, p)
}

// Others cannot use an association, fragments and nonsense are dropped, and it
// ends with the connection, and its sockets with it.
func TestAssociateIsItsClients(t *testing.T) {
	p := start(t, "-debug", "127.0.0.1:0")
	before := p.Sockets()
	target := proxytest.ListenUDP(t, "127.0.0.1:0")
	dest := proxytest.DestOf(target)
	a := proxytest.Associate(t, p.Addr)
	a.Send(dest, []byte("first"))
	if b, _ := proxytest.ReceiveFrom(t, target); string(b) != "first" {
		t.Fatalf("%q", b)
	}

	stranger := proxytest.ListenUDP(t, "127.0.0.2:0")
	genuine := append(socks.AppendHeader(nil, dest), "stolen"...)
	fragment := bytes.Clone(genuine)
	fragment[2] = 1
	if _, err := stranger.WriteToUDPAddrPort(genuine, a.Relay); err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{fragment, {}, {0}, {0, 0, 0}, {0, 0, 0, 9, 9, 9}, genuine[:5]} {
		if _, err := a.Socket.WriteToUDPAddrPort(b, a.Relay); err != nil {
			t.Fatal(err)
		}
	}
	a.Send(dest, []byte("second"))
	if b, _ := proxytest.ReceiveFrom(t, target); string(b) != "second" {
		t.Errorf("%q went through", b)
	}

	if err := a.Control.Close(); err != nil {
		t.Fatal(err)
	}
	p.AwaitSockets(before)
	if v := p.Vars().Proxy; v.Joined != 0 || v.Cut != 0 {
		t.Errorf("counters %+v", v)
	}
	proxytest.Quiet(t, p)
}

// An association outlives the time after which idle connections are closed: its
// connection has nothing to say. Its flows do not.
func TestAssociateStays(t *testing.T) {
	p := start(t, "-idle", "20ms")
	target := proxytest.ListenUDP(t, "127.0.0.1:0")
	a := proxytest.Associate(t, p.Addr)
	idle := p.Sockets()
	arrived := make(chan byte, 1<<10)
	var reading sync.WaitGroup
	reading.Go(func() {
		for b := make([]byte, 1); ; {
			if _, err := target.Read(b); err != nil {
				return
			}
			arrived <- b[0]
		}
	})
	for i := range byte(3) {
		// On a busy machine a flow may expire before it has sent anything.
		await.Until(t, "a datagram arrives", func() bool {
			a.Send(proxytest.DestOf(target), []byte{i})
			for {
				select {
				case got := <-arrived:
					if got == i {
						return true
					}
				default:
					return false
				}
			}
		})
		p.AwaitSockets(idle) // a flow has a socket
	}
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	reading.Wait()
	if err := a.Control.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if n, err := a.Control.Read(make([]byte, 1)); n != 0 || !isTimeout(err) {
		t.Errorf("the connection: %d, %v, want it open", n, err)
	}
	proxytest.Quiet(t, p)
}

func isTimeout(err error) bool {
	e, ok := err.(interface{ Timeout() bool })
	return ok && e.Timeout()
}

// SIGINT ends associations as well.
func TestAssociateInterrupt(t *testing.T) {
	p := start(t)
	a := proxytest.Associate(t, p.Addr)
	a.EchoDatagrams(proxytest.EchoUDP(t, "127.0.0.1:0"), 100)
	proxytest.Quiet(t, p)
	if n, err := a.Control.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the connection: %d, %v, want it ended", n, err)
	}
}
