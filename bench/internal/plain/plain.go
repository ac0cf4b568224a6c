// Package plain is the SOCKS5 proxy that a dozen lines of the standard library
// make: io.Copy both ways, which splices, and half-close carried through. It
// is what a relay has to be compared with.
package plain

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync"
)

// Role is the first argument of a program that shall be the proxy; the second
// is the address to listen on.
const Role = "plain"

// Main is the process. It ends with an interrupt.
func Main(address string) error {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt) // first: who finds it listening may interrupt it
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	go func() {
		<-interrupted
		ln.Close()
	}()
	fmt.Println("listening on", ln.Addr())
	for {
		client, err := ln.Accept()
		if err != nil {
			return nil
		}
		go serve(client.(*net.TCPConn))
	}
}

func serve(client *net.TCPConn) {
	defer client.Close()
	target, err := Accept(client)
	if err != nil {
		return
	}
	defer target.Close()
	var both sync.WaitGroup
	both.Go(func() { forward(target, client) })
	both.Go(func() { forward(client, target) })
	both.Wait()
}

func forward(dst, src *net.TCPConn) {
	_, _ = io.Copy(dst, src)
	_ = dst.CloseWrite()
}

// Accept is Request, a dial to where that says, and Grant.
func Accept(client net.Conn) (*net.TCPConn, error) {
	address, err := Request(client)
	if err != nil {
		return nil, err
	}
	target, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(address))
	if err != nil {
		return nil, err
	}
	if err := Grant(client); err != nil {
		target.Close()
		return nil, err
	}
	return target, nil
}

// Request speaks the server's part of RFC 1928 for CONNECT and IPv4, which is
// what the load asks for, up to its reply.
func Request(client net.Conn) (netip.AddrPort, error) {
	b := make([]byte, 10)
	if _, err := io.ReadFull(client, b[:3]); err != nil {
		return netip.AddrPort{}, err
	}
	if _, err := client.Write([]byte{5, 0}); err != nil {
		return netip.AddrPort{}, err
	}
	if _, err := io.ReadFull(client, b); err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[8:])), nil
}

// Grant is the reply that the connection is there.
func Grant(client net.Conn) error {
	_, err := client.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	return err
}
