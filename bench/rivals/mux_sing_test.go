package rivals

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	mux "github.com/sagernet/sing-mux"
	"github.com/sagernet/sing/common/logger"
	"github.com/sagernet/sing/common/metadata"
	"github.com/sagernet/sing/common/network"
)

// singMuxer is sing-mux with its default protocol, which is HTTP/2 as well.
var singMuxer = muxer{name: "singmux", connect: func(tb testing.TB, dial func() (net.Conn, net.Conn, error)) (session, session) {
	near, far := mustDial(tb, dial)
	server := &singServer{conn: far, accepted: make(chan net.Conn), closed: make(chan struct{})}
	service, err := mux.NewService(mux.ServiceOptions{
		NewStreamContext: func(ctx context.Context, _ net.Conn) context.Context { return ctx },
		Logger:           logger.NOP(),
		HandlerEx:        server,
	})
	if err != nil {
		tb.Fatal(err)
	}
	client, err := mux.NewClient(mux.Options{Dialer: &onceDialer{conn: near}, Logger: logger.NOP(), MaxConnections: 1})
	if err != nil {
		tb.Fatal(err)
	}
	go service.NewConnectionEx(context.Background(), far, metadata.Socksaddr{}, metadata.Socksaddr{}, nil)
	return singClient{client}, server
}}

// A onceDialer has one connection to give.
type onceDialer struct {
	lock sync.Mutex
	conn net.Conn
}

func (d *onceDialer) DialContext(context.Context, string, metadata.Socksaddr) (net.Conn, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.conn == nil {
		return nil, errors.New("rivals: sing-mux asked for a second connection")
	}
	conn := d.conn
	d.conn = nil
	return conn, nil
}

func (d *onceDialer) ListenPacket(context.Context, metadata.Socksaddr) (net.PacketConn, error) {
	return nil, errors.ErrUnsupported
}

type singClient struct{ *mux.Client }

func (c singClient) open() (io.ReadWriteCloser, error) {
	return c.DialContext(context.Background(), network.NetworkTCP, metadata.ParseSocksaddr("rivals:1"))
}

func (c singClient) accept() (io.ReadWriteCloser, error) {
	return nil, errors.New("rivals: the client does not accept")
}

func (c singClient) close() error { return c.Client.Close() }

// A singServer hands the streams that sing-mux reports to accept.
type singServer struct {
	conn     net.Conn
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func (s *singServer) NewConnectionEx(_ context.Context, conn net.Conn, _, _ metadata.Socksaddr, _ network.CloseHandlerFunc) {
	select {
	case s.accepted <- conn:
	case <-s.closed:
		conn.Close()
	}
}

func (s *singServer) NewPacketConnectionEx(_ context.Context, conn network.PacketConn, _, _ metadata.Socksaddr, _ network.CloseHandlerFunc) {
	conn.Close()
}

func (s *singServer) open() (io.ReadWriteCloser, error) {
	return nil, errors.New("rivals: the server does not open")
}

func (s *singServer) accept() (io.ReadWriteCloser, error) {
	select {
	case conn := <-s.accepted:
		return conn, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *singServer) close() error {
	s.once.Do(func() { close(s.closed) })
	return s.conn.Close()
}
