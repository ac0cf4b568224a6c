package hysteria2

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/quic-go/quic-go/http3"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/quicmux"
)

// ErrPassword: the server does not take the password, or is no server of
// Hysteria.
var ErrPassword = errors.New("hysteria2: the server does not take the password")

// ClientConfig configures Dial. All of it is required.
type ClientConfig struct {
	Server   string      // "host:port"
	TLS      *tls.Config // NextProtos is set to what HTTP/3 has
	Password string
}

// A Client is a connection to a server, which has taken the password. It has a
// goroutine for each unidirectional stream of the server, and one for
// datagrams; they end with Close.
type Client struct {
	*quicmux.Session
	sender
	web     *http3.RawClientConn
	running sync.WaitGroup

	mu           sync.Mutex
	associations map[uint32]*Association
	next         uint32
	ended        bool
}

var _ mux.Session = (*Client)(nil)

// Dial connects to a server. ctx bounds the dial and nothing after it.
func Dial(ctx context.Context, cfg ClientConfig) (*Client, error) {
	config := cfg.TLS.Clone()
	config.NextProtos = []string{http3.NextProtoH3}
	s, err := quicmux.Dial(ctx, cfg.Server, quicmux.Config{TLS: config, MaxStreams: -1, Datagrams: true, Bare: true})
	if err != nil {
		return nil, err
	}
	c := &Client{Session: s, sender: sender{session: s}, associations: map[uint32]*Association{}}
	c.web = new(http3.Transport).NewRawClientConn(s.Conn())
	c.running.Go(func() {
		for {
			u, err := s.Conn().AcceptUniStream(context.Background())
			if err != nil {
				return
			}
			c.running.Go(func() { c.web.HandleUnidirectionalStream(u) })
		}
	})
	if err := c.authenticate(ctx, cfg.Password); err != nil {
		_ = c.Close()
		return nil, err
	}
	c.running.Go(c.receive)
	return c, nil
}

func (c *Client) authenticate(ctx context.Context, password string) error {
	r, err := authRequest(password)
	if err != nil {
		return err
	}
	resp, err := c.web.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("hysteria2: %w", err)
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != statusHy {
		return fmt.Errorf("%w: %s", ErrPassword, resp.Status)
	}
	return nil
}

// Load counts associations as well: they need the connection.
func (c *Client) Load() mux.Load {
	l := c.Session.Load()
	c.mu.Lock()
	l.Streams += len(c.associations)
	c.mu.Unlock()
	return l
}

// Close closes the connection, and returns when its goroutines have ended.
func (c *Client) Close() error { return c.CloseWithError(mux.Code(http3.ErrCodeNoError), "") }

// CloseWithError closes the connection, and returns when its goroutines have
// ended.
func (c *Client) CloseWithError(code mux.Code, reason string) error {
	if err := c.Session.CloseWithError(code, reason); err != nil {
		return err
	}
	c.running.Wait()
	return nil
}

// Shutdown ends the connection when its streams have ended.
func (c *Client) Shutdown(ctx context.Context) error {
	err := c.Session.Shutdown(ctx)
	c.running.Wait()
	return err
}

// A Stream is a TCP connection through the server, whose answer to the request
// may be yet to come: then the first read waits for it, and fails with a
// *RefusedError if it is a refusal.
type Stream struct {
	*quicmux.Stream
	response sync.Once
	refusal  error
}

// Connect opens a stream to dest, and does not wait for the answer.
func (c *Client) Connect(ctx context.Context, dest socks.Addr) (*Stream, error) {
	st, err := c.Open(ctx)
	if err != nil {
		return nil, err
	}
	pool := bufpool.Default()
	buf := pool.Get(maxRequest)
	defer pool.Put(buf)
	if _, err := st.Write(AppendRequest(buf[:0], dest)); err != nil {
		_ = st.Close()
		return nil, err
	}
	return &Stream{Stream: st.(*quicmux.Stream)}, nil
}

// Established waits for the server's answer, for as long as ctx allows. The
// stream behind it needs no wrapper any more.
func (s *Stream) Established(ctx context.Context) (*quicmux.Stream, error) {
	stop := context.AfterFunc(ctx, func() { _ = s.Reset(mux.Cancel) })
	err := s.established()
	if !stop() {
		err = context.Cause(ctx)
	}
	return s.Stream, err
}

func (s *Stream) established() error {
	s.response.Do(func() { s.refusal = ReadResponse(s.Stream) })
	return s.refusal
}

// Read reads what comes behind the answer.
func (s *Stream) Read(p []byte) (int, error) {
	if err := s.established(); err != nil {
		return 0, err
	}
	return s.Stream.Read(p)
}

// ReadReady reads what comes behind the answer.
func (s *Stream) ReadReady(p interface {
	Get(n int) []byte
	Put(b []byte)
}) ([]byte, error) {
	if err := s.established(); err != nil {
		return nil, err
	}
	return s.Stream.ReadReady(p)
}

// WriteTo writes to dst what comes behind the answer.
func (s *Stream) WriteTo(dst io.Writer) (int64, error) {
	if err := s.established(); err != nil {
		return 0, err
	}
	return s.Stream.WriteTo(dst)
}

var (
	_ net.Conn   = (*Stream)(nil)
	_ mux.Stream = (*Stream)(nil)
)
