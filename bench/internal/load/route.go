package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
)

// A Route is the way to the target.
type Route struct {
	Target string // HOST:PORT
	// Proxy is the address of the SOCKS5 proxy under test. If it is empty the
	// target is dialed itself.
	Proxy string
}

// Dial opens a connection to the target. With a proxy it does what an
// ordinary SOCKS5 client does: greeting, answer, request, answer (RFC 1928).
func (r Route) Dial(ctx context.Context) (*net.TCPConn, error) {
	address := r.Target
	if r.Proxy != "" {
		address = r.Proxy
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	if r.Proxy != "" {
		if err := r.connect(ctx, conn); err != nil {
			conn.Close()
			return nil, fmt.Errorf("load: SOCKS5 through %s: %w", r.Proxy, err)
		}
	}
	return conn.(*net.TCPConn), nil
}

func (r Route) connect(ctx context.Context, conn net.Conn) error {
	target, err := netip.ParseAddrPort(r.Target)
	if err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	const (
		version   = 5
		noAuth    = 0
		doConnect = 1
		ipv4      = 1
		domain    = 3
		ipv6      = 4
	)
	if _, err := conn.Write([]byte{version, 1, noAuth}); err != nil {
		return err
	}
	var b [4]byte
	if _, err := io.ReadFull(conn, b[:2]); err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	if b[0] != version || b[1] != noAuth {
		return fmt.Errorf("greeting answered with % x", b[:2])
	}
	request := []byte{version, doConnect, 0, ipv4}
	if target.Addr().Is6() {
		request[3] = ipv6
	}
	request = append(request, target.Addr().AsSlice()...)
	request = binary.BigEndian.AppendUint16(request, target.Port())
	if _, err := conn.Write(request); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, b[:4]); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	if b[0] != version || b[1] != 0 {
		return fmt.Errorf("request answered with code %d", b[1])
	}
	rest := map[byte]int{ipv4: 4 + 2, ipv6: 16 + 2}[b[3]]
	if b[3] == domain {
		if _, err := io.ReadFull(conn, b[:1]); err != nil {
			return err
		}
		rest = int(b[0]) + 2
	}
	if rest == 0 {
		return fmt.Errorf("request answered with address type %d", b[3])
	}
	_, err = io.ReadFull(conn, make([]byte, rest))
	return err
}
