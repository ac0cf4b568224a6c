// Package plainquic is both sides of the proxy that quic-go and the standard
// library make by themselves: a SOCKS5 client and a server, a QUIC stream of one
// connection between them for each connection, io.Copy both ways, and half-close
// carried through. It is what a proxy over QUIC has to be compared with.
package plainquic

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/headrace-go/headrace/bench/internal/plain"
)

// Roles of a program that shall be one of the two, and how they go on: the
// address to listen on, the files of the certificate and its key; or that
// address, the server's, its certificate, and the name that it is for.
const (
	Server = "plainquic-server"
	Client = "plainquic-client"
)

// config is quic-go's own, but for as many streams as the load has connections,
// and for connections that last while others are measured.
var config = &quic.Config{MaxIncomingStreams: 2000, KeepAlivePeriod: 15 * time.Second}

var protocols = []string{"plain"}

// Main is the process. It ends with an interrupt.
func Main(role string, args []string) error {
	if len(args) != 4 && (role != Server || len(args) != 3) {
		return fmt.Errorf("plainquic: %s with %d arguments", role, len(args))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if role == Server {
		return serve(ctx, args[0], args[1], args[2])
	}
	return connect(ctx, args[0], args[1], args[2], args[3])
}

func serve(ctx context.Context, address, cert, key string) error {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return err
	}
	ln, err := quic.ListenAddr(address, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: protocols}, config)
	if err != nil {
		return err
	}
	defer ln.Close()
	fmt.Println("listening on", ln.Addr())
	for {
		conn, err := ln.Accept(ctx)
		if err != nil {
			return nil // interrupted
		}
		go func() {
			for {
				stream, err := conn.AcceptStream(ctx)
				if err != nil {
					return
				}
				go answer(stream)
			}
		}()
	}
}

// answer reads where the stream is to go, four bytes and the port's two, and
// sends a byte when it is there.
func answer(stream *quic.Stream) {
	defer hangUp(stream)
	var b [6]byte
	if _, err := io.ReadFull(stream, b[:]); err != nil {
		return
	}
	to := netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[:4])), uint16(b[4])<<8|uint16(b[5]))
	target, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(to))
	if err != nil {
		return
	}
	defer target.Close()
	if _, err := stream.Write(b[:1]); err != nil {
		return
	}
	join(target, stream)
}

func connect(ctx context.Context, address, server, ca, name string) error {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("plainquic: no certificate in " + ca)
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { ln.Close() })
	dial := sync.OnceValues(func() (*quic.Conn, error) {
		return quic.DialAddr(ctx, server, &tls.Config{RootCAs: roots, ServerName: name, NextProtos: protocols}, config)
	})
	fmt.Println("listening on", ln.Addr())
	for {
		client, err := ln.Accept()
		if err != nil {
			return nil // interrupted
		}
		go ask(ctx, client.(*net.TCPConn), dial)
	}
}

func ask(ctx context.Context, client *net.TCPConn, dial func() (*quic.Conn, error)) {
	defer client.Close()
	to, err := plain.Request(client)
	if err != nil {
		return
	}
	conn, err := dial()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	stream, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return
	}
	defer hangUp(stream)
	ip := to.Addr().As4()
	if _, err := stream.Write(append(ip[:], byte(to.Port()>>8), byte(to.Port()))); err != nil {
		return
	}
	if _, err := io.ReadFull(stream, ip[:1]); err != nil || plain.Grant(client) != nil {
		return
	}
	join(client, stream)
}

// hangUp ends what of a stream has not ended yet.
func hangUp(stream *quic.Stream) {
	stream.CancelRead(0)
	stream.CancelWrite(0)
}

// join copies both ways.
func join(tcp *net.TCPConn, stream *quic.Stream) {
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(tcp, stream)
		_ = tcp.CloseWrite()
	})
	both.Go(func() {
		_, _ = io.Copy(stream, tcp)
		_ = stream.Close()
	})
	both.Wait()
}
