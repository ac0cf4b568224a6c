package main

import (
	"bytes"
	"encoding/json"
	"net"
	"slices"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/proxytest"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/examples/internal/ss"
	"github.com/headrace-go/headrace/internal/await"
	"github.com/headrace-go/headrace/vecio"
)

// datagramSizes are those of the datagrams that tests send.
var datagramSizes = append([]int{0, 1, 1200, 1400, 9000, 60000}, slices.Repeat([]int{1200}, 100)...)

func TestDatagrams(t *testing.T) {
	for _, method := range methods {
		t.Run(method, func(t *testing.T) {
			server := startServer(t, method)
			client := startClient(t, server.Addr, method)
			a := proxytest.Associate(t, client.Addr)
			v4 := proxytest.EchoUDP(t, "127.0.0.1:0")
			a.EchoDatagrams(v4, datagramSizes...)
			a.EchoDatagrams(proxytest.EchoUDP(t, "127.0.0.1:0"), datagramSizes...)
			a.EchoDatagrams(socks.Addr{Name: "127.0.0.1", Port: v4.Port}, datagramSizes...)
			other := proxytest.Associate(t, client.Addr)
			other.EchoDatagrams(v4, datagramSizes...)
			proxytest.Quiet(t, client, server)
		})
	}
}

// tableOf returns the counters of a server's table.
func tableOf(t *testing.T, p *proxytest.Program) vecio.FlowTableStats {
	t.Helper()
	var v struct{ Datagrams vecio.FlowTableStats }
	if err := json.Unmarshal(p.Get("/debug/vars"), &v); err != nil {
		t.Fatal(err)
	}
	return v.Datagrams
}

// Strangers get no answer, make no flow, and are counted; the same datagram
// works once.
func TestDatagramStrangers(t *testing.T) {
	server := startServer(t, testMethod, "-debug", "127.0.0.1:0")
	at, err := net.ResolveUDPAddr("udp", server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ss.NewKey(testMethod, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := ss.NewKey(testMethod, "foobar!")
	if err != nil {
		t.Fatal(err)
	}
	echo := proxytest.EchoUDP(t, "127.0.0.1:0")
	seal := func(k *ss.Key, payload string) []byte {
		b, err := k.SealDatagram(nil, echo, []byte(payload), nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	send := func(c *net.UDPConn, b []byte) {
		if _, err := c.WriteToUDP(b, at); err != nil {
			t.Fatal(err)
		}
	}

	refused := int64(0)
	for i := range 50 {
		c := proxytest.ListenUDP(t, "127.0.0.1:0")
		altered := seal(key, "altered")
		altered[i] ^= 1
		for _, b := range [][]byte{nil, bytes.Repeat([]byte("garbage "), 100), seal(wrong, "wrong"), altered, altered[:i]} {
			send(c, b)
			refused++
		}
		await.Until(t, "it keeps up", func() bool { return tableOf(t, server).Refused >= refused })
	}
	if s := tableOf(t, server); s.Refused != refused || s.Opened != 0 || s.Down.Datagrams != 0 {
		t.Errorf("%+v after %d strangers", s, refused)
	}

	c := proxytest.ListenUDP(t, "127.0.0.1:0")
	genuine := seal(key, "genuine")
	send(c, bytes.Clone(genuine))
	answer, _ := proxytest.ReceiveFrom(t, c)
	send(c, bytes.Clone(genuine)) // once more
	send(c, bytes.Clone(answer))  // the server's own
	await.Until(t, "both are refused", func() bool { return tableOf(t, server).Refused >= refused+2 })
	if from, payload, err := key.OpenDatagram(answer, nil); err != nil || from != echo || string(payload) != "genuine" {
		t.Errorf("the answer is %q from %v, %v", payload, from, err)
	}
	await.Until(t, "the answer is counted, behind its sending", func() bool { return tableOf(t, server).Down.Datagrams > 0 })
	if s := tableOf(t, server); s.Opened != 1 || s.Up.Datagrams != 1 || s.Down.Datagrams != 1 {
		t.Errorf("%+v after one datagram, played again", s)
	}
	proxytest.Quiet(t, server)
}
