package connpool

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// A Dialer opens connections with everything that this package has: happy
// eyeballs (net.Dialer's, RFC 8305), socket options, and TLS that resumes
// sessions. The zero Dialer dials TCP. Its DialContext is what Config.Dial calls.
//
// It is safe for concurrent use as long as its fields are left alone.
type Dialer struct {
	// Net is what dials. Its own keep-alive settings are not used.
	Net net.Dialer
	// Socket is set on each socket.
	Socket SocketOptions

	// TLS, if not nil, has the connection be a *tls.Conn whose handshake is
	// over. Without a ServerName that is the host of the address.
	TLS *tls.Config
	// HandshakeTimeout bounds the handshake. Zero means 10 seconds. Negative
	// leaves it to the context.
	HandshakeTimeout time.Duration
	// Sessions, if not nil, has the sessions to resume, and gets new ones, as
	// those of Identity; see SessionCache.For.
	Sessions *SessionCache
	Identity string
}

// A Timing is where the time of a dial went.
type Timing struct {
	Resolve   time.Duration // of the name; 0 if the address is none
	Connect   time.Duration // from then to the end of TCP's handshake
	Handshake time.Duration // of TLS; 0 without
	Resumed   bool          // TLS has resumed a session
	Multipath bool          // the connection is one of Multipath TCP
}

// Total is the time from the call to a connection that can be used.
func (t Timing) Total() time.Duration { return t.Resolve + t.Connect + t.Handshake }

// DialContext opens a connection. ctx bounds the dial and nothing after it.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, _, err := d.Dial(ctx, network, address)
	return c, err
}

// Dial is DialContext that also tells where the time went, as far as it got.
func (d *Dialer) Dial(ctx context.Context, network, address string) (net.Conn, Timing, error) {
	var t Timing
	start := time.Now()
	var resolved atomic.Int64 // since start
	trace := httptrace.ClientTrace{DNSDone: func(httptrace.DNSDoneInfo) {
		resolved.CompareAndSwap(0, int64(time.Since(start)))
	}}
	dialer := d.Socket.Dialer(d.Net)
	c, err := dialer.DialContext(httptrace.WithClientTrace(ctx, &trace), network, address)
	t.Resolve = time.Duration(resolved.Load())
	t.Connect = time.Since(start) - t.Resolve
	if err != nil {
		return nil, t, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		t.Multipath, _ = tcp.MultipathTCP()
	}
	if d.TLS == nil {
		return c, t, nil
	}
	start = time.Now()
	secured, err := d.handshake(ctx, c, address)
	t.Handshake = time.Since(start)
	if err != nil {
		_ = c.Close()
		return nil, t, fmt.Errorf("connpool: TLS with %s: %w", address, err)
	}
	t.Resumed = secured.ConnectionState().DidResume
	return secured, t, nil
}

func (d *Dialer) handshake(ctx context.Context, c net.Conn, address string) (*tls.Conn, error) {
	cfg := d.TLS.Clone()
	if cfg.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		cfg.ServerName = host
	}
	if d.Sessions != nil {
		cfg.ClientSessionCache = d.Sessions.For(d.Identity)
	}
	if d.HandshakeTimeout >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, duration(d.HandshakeTimeout, 10*time.Second))
		defer cancel()
	}
	secured := tls.Client(c, cfg)
	return secured, secured.HandshakeContext(ctx)
}
