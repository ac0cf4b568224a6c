package hysteria2

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/examples/internal/names"
	"github.com/headrace-go/headrace/examples/internal/serve"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/quicmux"
)

// ServerConfig configures Listen. TLS and Password are required.
type ServerConfig struct {
	TLS      *tls.Config // NextProtos is set to what HTTP/3 has
	Password string
	// Site answers visitors, who do not know the password. Nil means a web
	// server that has nothing.
	Site http.Handler
	// MaxStreams is how many connections a client may have at once.
	MaxStreams int
	// Names resolves the names of datagrams.
	Names *names.Resolver
}

const (
	// visitIdle is how long a web server keeps a connection without requests.
	visitIdle = time.Minute
	// maxHeaderBytes bounds the header of a request.
	maxHeaderBytes = 16 << 10
)

// A Listener accepts connections, of clients and of visitors. It is a
// serve.SessionListener.
type Listener struct {
	*quicmux.Listener
	cfg ServerConfig
}

// Listen accepts connections at an address of UDP.
func Listen(address string, cfg ServerConfig) (*Listener, error) {
	if cfg.Site == nil {
		cfg.Site = http.NotFoundHandler()
	}
	cfg.TLS = http3.ConfigureTLSConfig(cfg.TLS)
	cfg.TLS.NextProtos = []string{http3.NextProtoH3}
	l, err := quicmux.Listen(address, quicmux.Config{
		TLS: cfg.TLS, MaxStreams: cfg.MaxStreams, Datagrams: true, Bare: true,
		KeepAlive: -1, // that is for clients: visitors come and go
	})
	if err != nil {
		return nil, err
	}
	return &Listener{l, cfg}, nil
}

// Accept waits for the next connection. Whether it is a client's is seen later.
func (l *Listener) Accept(ctx context.Context) (serve.Session, error) {
	s, err := l.Listener.Accept(ctx)
	if err != nil {
		return nil, err
	}
	return newServerConn(s, &l.cfg)
}

// A serverConn is a connection that was accepted. Until it is a client's it is
// an HTTP/3 connection, closed when there was no request for a minute; then its
// streams are TCP connections and its datagrams those of UDP sessions. It has a
// goroutine for each unidirectional stream and each HTTP request, and one for a
// client's datagrams, which end with the connection.
type serverConn struct {
	*quicmux.Session
	cfg    *ServerConfig
	web    *http3.RawServerConn
	client atomic.Bool // it has shown the password
	relay  *relay

	mu       sync.Mutex
	visit    *time.Timer
	requests int // under way
	running  sync.WaitGroup
}

func newServerConn(s *quicmux.Session, cfg *ServerConfig) (*serverConn, error) {
	c := &serverConn{Session: s, cfg: cfg}
	server := &http3.Server{Handler: http.HandlerFunc(c.serveHTTP), MaxHeaderBytes: maxHeaderBytes}
	web, err := server.NewRawServerConn(s.Conn())
	if err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("hysteria2: %v: %w", s.RemoteAddr(), err)
	}
	c.web = web
	c.visit = time.AfterFunc(visitIdle, c.visitOver)
	c.running.Go(func() {
		for {
			u, err := s.Conn().AcceptUniStream(context.Background())
			if err != nil {
				return
			}
			c.running.Go(func() { web.HandleUnidirectionalStream(u) })
		}
	})
	return c, nil
}

// visitOver is the timer's function.
func (c *serverConn) visitOver() {
	c.mu.Lock()
	idle := c.requests == 0 && !c.client.Load()
	c.mu.Unlock()
	if idle {
		_ = c.Session.CloseWithError(mux.Code(http3.ErrCodeNoError), "")
	}
}

// Accept waits for the next stream of a client. Those of visitors it answers.
func (c *serverConn) Accept(ctx context.Context) (mux.Stream, error) {
	for {
		q, err := c.Conn().AcceptStream(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			<-c.Done()
			return nil, c.end()
		case c.client.Load():
			return c.Adopt(q), nil
		}
		c.begin()
		c.running.Go(func() {
			defer c.finish()
			c.web.HandleRequestStream(q)
		})
	}
}

// end says how the connection has ended. That a peer has gone, or that nothing
// was heard of it any more, is no failure.
func (c *serverConn) end() error {
	err := c.Err()
	if _, ok := errors.AsType[*quic.IdleTimeoutError](err); ok {
		return io.EOF
	}
	if e, ok := errors.AsType[*mux.SessionError](err); ok && e.Remote && e.Code == mux.Code(http3.ErrCodeNoError) {
		return io.EOF
	}
	return err
}

func (c *serverConn) begin() {
	c.mu.Lock()
	c.requests++
	c.visit.Stop()
	c.mu.Unlock()
}

func (c *serverConn) finish() {
	c.mu.Lock()
	c.requests--
	if c.requests == 0 && !c.client.Load() {
		c.visit.Reset(visitIdle)
	}
	c.mu.Unlock()
}

func (c *serverConn) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if !admits(r, c.cfg.Password) {
		c.cfg.Site.ServeHTTP(w, r)
		return
	}
	if !c.client.Swap(true) {
		c.relay = newRelay(c.Session, c.cfg.Names)
		c.running.Go(c.relay.run)
	}
	admit(w)
}

// Close closes the connection, and returns when its goroutines have ended.
func (c *serverConn) Close() error {
	c.visit.Stop()
	_ = c.Session.CloseWithError(mux.Code(http3.ErrCodeNoError), "") // it cannot fail
	c.running.Wait()
	return nil
}

// Request returns where a stream that Accept has returned is to go.
func Request(c net.Conn) (string, error) {
	dest, err := ReadRequest(c)
	if err != nil {
		if s, ok := c.(mux.Stream); ok {
			_ = s.Reset(mux.Code(http3.ErrCodeFrameUnexpected)) // it fits
		}
		return "", err
	}
	return dest.String(), nil
}

// Respond tells the client what became of its request.
func Respond(c net.Conn, refusal error) error {
	pool := bufpool.Default()
	buf := pool.Get(maxResponse)
	defer pool.Put(buf)
	_, err := c.Write(AppendResponse(buf[:0], refusal))
	return err
}
