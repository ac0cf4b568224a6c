package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/headrace-go/headrace/examples/internal/socks"
)

// directTCPIP is the type of channels that lead to a destination, and what such
// a channel is opened with: RFC 4254, section 7.2.
const directTCPIP = "direct-tcpip"

type channelOpen struct {
	Host       string
	Port       uint32
	Origin     string
	OriginPort uint32
}

// A channel is an SSH channel as a connection. It has no deadlines.
type channel struct {
	ssh.Channel
	conn ssh.Conn
	open ssh.NewChannel // not answered yet, or nil
}

func (c *channel) LocalAddr() net.Addr                { return c.conn.LocalAddr() }
func (c *channel) RemoteAddr() net.Addr               { return c.conn.RemoteAddr() }
func (c *channel) SetDeadline(t time.Time) error      { return nil }
func (c *channel) SetReadDeadline(t time.Time) error  { return nil }
func (c *channel) SetWriteDeadline(t time.Time) error { return nil }

func (c *channel) Read(p []byte) (int, error) {
	if c.Channel == nil {
		return 0, net.ErrClosed
	}
	return c.Channel.Read(p)
}

func (c *channel) CloseWrite() error {
	if c.Channel == nil {
		return net.ErrClosed
	}
	return c.Channel.CloseWrite()
}

func (c *channel) Close() error {
	if c.Channel == nil {
		return nil
	}
	return c.Channel.Close()
}

// An sshShared dials one SSH connection, and another when that has ended.
type sshShared struct {
	dialer net.Dialer
	server string
	config *ssh.ClientConfig

	mu     sync.Mutex
	client *ssh.Client
}

// sshKeys returns one side's key, and what it knows the other by.
func sshKeys(dir, side, other string) (key ssh.Signer, peer ssh.PublicKey, err error) {
	cert, authority, err := identity(dir, side, other)
	if err != nil {
		return nil, nil, err
	}
	private, err := signer(cert)
	if err != nil {
		return nil, nil, err
	}
	if key, err = ssh.NewSignerFromSigner(private); err != nil {
		return nil, nil, err
	}
	peer, err = ssh.NewPublicKey(authority.PublicKey)
	return key, peer, err
}

func sshClient(dir, server, user string) (transport, error) {
	key, host, err := sshKeys(dir, "client", "server")
	if err != nil {
		return transport{}, err
	}
	s := &sshShared{dialer: net.Dialer{Timeout: dialTimeout}, server: server, config: &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.FixedHostKey(host),
		HostKeyAlgorithms: []string{host.Type()}, Timeout: dialTimeout,
	}}
	return transport{dial: s.dial, close: s.close}, nil
}

func (s *sshShared) get(ctx context.Context) (*ssh.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	raw, err := s.dialer.DialContext(ctx, "tcp", s.server)
	if err != nil {
		return nil, err
	}
	unbind := context.AfterFunc(ctx, func() { _ = raw.Close() })
	conn, channels, requests, err := ssh.NewClientConn(raw, s.server, s.config)
	if !unbind() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	client := ssh.NewClient(conn, channels, requests)
	s.client = client
	go func() {
		_ = client.Wait() // whoever used it has its own error
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.client == client {
			s.client = nil
		}
	}()
	return client, nil
}

func (s *sshShared) close() {
	s.mu.Lock()
	client := s.client
	s.mu.Unlock()
	if client != nil {
		_ = client.Close()
		_ = client.Wait()
	}
}

func (s *sshShared) dial(ctx context.Context, dest socks.Addr) (net.Conn, error) {
	client, err := s.get(ctx)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(dest.String())
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	payload := ssh.Marshal(channelOpen{Host: host, Port: uint32(n), Origin: "127.0.0.1"})
	ch, requests, err := client.OpenChannel(directTCPIP, payload)
	if err != nil {
		if refused, ok := errors.AsType[*ssh.OpenChannelError](err); ok && refused.Reason == ssh.ConnectionFailed {
			err = fmt.Errorf("%w: %w", syscall.ECONNREFUSED, err)
		}
		return nil, err
	}
	go ssh.DiscardRequests(requests)
	return &channel{Channel: ch, conn: client}, nil
}

func sshServer(dir string) (transport, error) {
	key, known, err := sshKeys(dir, "server", "client")
	if err != nil {
		return transport{}, err
	}
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, offered ssh.PublicKey) (*ssh.Permissions, error) {
			if string(offered.Marshal()) != string(known.Marshal()) {
				return nil, errors.New("unknown key")
			}
			return nil, nil
		},
	}
	config.AddHostKey(key)
	return transport{
		streams: func(ctx context.Context, c net.Conn, deliver func(net.Conn)) error {
			return sshStreams(ctx, c, config, deliver)
		},
		request: sshRequest,
		answer:  sshAnswer,
	}, nil
}

func sshStreams(ctx context.Context, c net.Conn, config *ssh.ServerConfig, deliver func(net.Conn)) error {
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	if err := c.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return errors.Join(err, c.Close())
	}
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	if err == nil {
		err = c.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = c.Close()
		return err
	}
	go ssh.DiscardRequests(requests)
	for open := range channels {
		if open.ChannelType() != directTCPIP {
			if err := open.Reject(ssh.UnknownChannelType, "only "+directTCPIP); err != nil {
				return errors.Join(err, conn.Close())
			}
			continue
		}
		deliver(&channel{conn: conn, open: open})
	}
	_ = conn.Wait() // the end of a connection is no error here
	return nil
}

func sshRequest(_ context.Context, c net.Conn) (net.Conn, string, error) {
	ch := c.(*channel)
	var wish channelOpen
	if err := ssh.Unmarshal(ch.open.ExtraData(), &wish); err != nil {
		return nil, "", errors.Join(err, ch.open.Reject(ssh.ConnectionFailed, "malformed request"))
	}
	return ch, net.JoinHostPort(wish.Host, strconv.Itoa(int(wish.Port))), nil
}

func sshAnswer(c net.Conn, err error) error {
	ch := c.(*channel)
	if err != nil {
		return ch.open.Reject(ssh.ConnectionFailed, "destination cannot be reached")
	}
	accepted, requests, err := ch.open.Accept()
	if err != nil {
		return err
	}
	go ssh.DiscardRequests(requests)
	ch.Channel = accepted
	return nil
}
