package rivals

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/quic-go/quic-go"
)

// quicMuxer is quic-go as it comes, but for the number of streams.
var quicMuxer = muxer{name: "quicgo", own: "quic", connect: func(tb testing.TB, _ func() (net.Conn, net.Conn, error)) (session, session) {
	clientTLS, serverTLS := tlsConfigs(tb)
	config := &quic.Config{MaxIncomingStreams: 1000}
	listener, err := quic.ListenAddr("127.0.0.1:0", serverTLS, config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { listener.Close() })
	ctx := context.Background()
	client, err := quic.DialAddr(ctx, listener.Addr().String(), clientTLS, config)
	if err != nil {
		tb.Fatal(err)
	}
	server, err := listener.Accept(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	return quicSession{client}, quicSession{server}
}}

type quicSession struct{ *quic.Conn }

func (s quicSession) open() (io.ReadWriteCloser, error) {
	stream, err := s.OpenStreamSync(context.Background())
	if err != nil {
		return nil, err
	}
	return quicStream{stream}, nil
}

func (s quicSession) accept() (io.ReadWriteCloser, error) {
	stream, err := s.AcceptStream(context.Background())
	if err != nil {
		return nil, err
	}
	return quicStream{stream}, nil
}

func (s quicSession) close() error { return s.CloseWithError(0, "") }

// A quicStream closes both directions.
type quicStream struct{ *quic.Stream }

func (s quicStream) Close() error {
	err := s.Stream.Close()
	// Reading on to the peer's end gives its credit back without a reset.
	_, drained := io.Copy(io.Discard, s.Stream)
	var closed *quic.ApplicationError
	if errors.As(drained, &closed) {
		drained = nil
	}
	return errors.Join(err, drained)
}
