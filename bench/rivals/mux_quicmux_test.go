package rivals

import (
	"context"
	"net"
	"testing"

	"github.com/headrace-go/headrace/mux/quicmux"
)

// quicmuxMuxer is quicmux with its defaults, beside the quic-go that it runs on.
var quicmuxMuxer = muxer{name: "headrace", own: "quic", connect: func(tb testing.TB, _ func() (net.Conn, net.Conn, error)) (session, session) {
	clientTLS, serverTLS := tlsConfigs(tb)
	listener, err := quicmux.Listen("127.0.0.1:0", quicmux.Config{TLS: serverTLS})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { listener.Close() })
	client, err := quicmux.Dial(context.Background(), listener.Addr().String(), quicmux.Config{TLS: clientTLS})
	if err != nil {
		tb.Fatal(err)
	}
	server, err := listener.Accept(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return headraceSession{client}, headraceSession{server}
}}
