package rivals

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// A muxer carries streams over one connection, or does as if.
type muxer struct {
	name string
	// connect makes the two sides of a session. What it opens is closed with
	// the test.
	connect func(tb testing.TB, dial func() (net.Conn, net.Conn, error)) (client, server session)
	// own is the name of the transport that the muxer brings with it; empty
	// if it takes any connection.
	own string
}

// A session is one side of it. The client opens and the server accepts.
type session interface {
	// open may return before the peer knows: the client writes first.
	open() (io.ReadWriteCloser, error)
	// accept fails once the session is closed.
	accept() (io.ReadWriteCloser, error)
	close() error
}

var muxers = []muxer{bare, headraceMuxer, yamuxMuxer, smuxMuxer, http2Muxer, singMuxer, quicMuxer, quicmuxMuxer}

// A pairing is a muxer on a transport.
type pairing struct {
	muxer
	transport string
	dial      func() (net.Conn, net.Conn, error)
}

func (p pairing) String() string { return "impl=" + p.name + "/transport=" + p.transport }

func pairings(tb testing.TB) []pairing {
	var all []pairing
	for _, m := range muxers {
		if m.own != "" {
			all = append(all, pairing{m, m.own, nil})
			continue
		}
		for _, d := range dialers(tb) {
			all = append(all, pairing{m, d.name, d.dial})
		}
		if m.name == headraceMuxer.name {
			all = append(all, pairing{m, "tlsmerged", func() (net.Conn, net.Conn, error) { return dialMerged(tlsConfigs(tb)) }})
			all = append(all, pairing{m, "tlsrecord", func() (net.Conn, net.Conn, error) { return dialRecord(tlsConfigs(tb)) }})
		}
	}
	return all
}

// The first byte of a stream tells the server what to do with the rest.
const (
	roleEcho = 'e' // send back
	roleSink = 's' // count
	roleIdle = 'i' // send 64 bytes back, then hold the stream without a goroutine or a buffer
	roleStop = 'x' // read no more, until the end of the session
)

// A server serves the streams of a session.
type server struct {
	session session
	// sunk is called with the stream's number, in order of arrival, and the
	// length of each read of a sink stream. It may be nil.
	sunk func(stream, n int)

	lock sync.Mutex
	idle []io.Closer
	// ended is done when the accept loop and all streams have ended.
	ended sync.WaitGroup
}

// serve runs until the session is closed.
func (s *server) serve() {
	s.ended.Go(func() {
		for number := 0; ; number++ {
			stream, err := s.session.accept()
			if err != nil {
				return
			}
			s.ended.Go(func() { s.stream(stream, number) })
		}
	})
}

func (s *server) stream(stream io.ReadWriteCloser, number int) {
	var role [1]byte
	if _, err := io.ReadFull(stream, role[:]); err != nil {
		stream.Close()
		return
	}
	switch role[0] {
	case roleIdle:
		s.hold(stream)
		return
	case roleStop:
		s.lock.Lock()
		s.idle = append(s.idle, stream)
		s.lock.Unlock()
		return
	}
	defer stream.Close()
	s.work(stream, number, role[0])
}

// hold answers once and keeps the stream until the end.
func (s *server) hold(stream io.ReadWriteCloser) {
	s.lock.Lock()
	s.idle = append(s.idle, stream)
	s.lock.Unlock()
	buffer := make([]byte, 64)
	if _, err := io.ReadFull(stream, buffer); err != nil {
		return // which the client sees when the session ends
	}
	_, _ = stream.Write(buffer)
}

// readBuffers keep the server's own memory out of what is measured.
var readBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// work does what role says until the stream ends.
func (s *server) work(stream io.ReadWriter, number int, role byte) {
	pooled := readBuffers.Get().(*[64 << 10]byte)
	defer readBuffers.Put(pooled)
	buffer := pooled[:]
	for {
		n, err := stream.Read(buffer)
		if role == roleEcho && n > 0 {
			if _, err := stream.Write(buffer[:n]); err != nil {
				return
			}
		}
		if role == roleSink && n > 0 && s.sunk != nil {
			s.sunk(number, n)
		}
		if err != nil {
			return
		}
	}
}

// startMux connects the two sides and lets the server side serve.
func (p pairing) startMux(tb testing.TB, sunk func(stream, n int)) session {
	tb.Helper()
	client, accepting := p.connect(tb, p.dial)
	s := &server{session: accepting, sunk: sunk}
	s.serve()
	tb.Cleanup(func() {
		client.close()
		accepting.close()
		s.ended.Wait()
		for _, stream := range s.idle {
			stream.Close()
		}
	})
	return client
}

// openStream opens a stream and tells the server its role.
func openStream(client session, role byte) (io.ReadWriteCloser, error) {
	stream, err := client.open()
	if err != nil {
		return nil, err
	}
	if _, err := stream.Write([]byte{role}); err != nil {
		return nil, errors.Join(err, stream.Close())
	}
	return stream, nil
}

func TestMuxers(t *testing.T) {
	const streams, size = 4, 1<<20 + 13
	for _, p := range pairings(t) {
		t.Run(p.String(), func(t *testing.T) {
			client := p.startMux(t, nil)
			var group sync.WaitGroup
			for i := range streams {
				group.Go(func() {
					want := make([]byte, size)
					rand.NewChaCha8([32]byte{byte(i)}).Read(want)
					if err := echoThrough(client, want); err != nil {
						t.Errorf("stream %d: %v", i, err)
					}
				})
			}
			group.Wait()
		})
	}
}

// echoThrough sends want over a stream of its own and compares what comes back.
func echoThrough(client session, want []byte) error {
	stream, err := openStream(client, roleEcho)
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := stream.Write(want)
		sent <- err
	}()
	got := make([]byte, len(want))
	_, err = io.ReadFull(stream, got)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("the %d bytes came back changed", len(want))
	}
	return errors.Join(err, <-sent, stream.Close())
}

// bare is no multiplexer: a connection for every stream. It is what the others
// have to be compared with.
var bare = muxer{name: "bare", connect: func(_ testing.TB, dial func() (net.Conn, net.Conn, error)) (session, session) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &bareSession{ctx: ctx, cancel: cancel, dial: dial, accepted: make(chan net.Conn)}
	return s, s
}}

// A bareSession is both sides of itself.
type bareSession struct {
	ctx      context.Context
	cancel   context.CancelFunc
	dial     func() (net.Conn, net.Conn, error)
	accepted chan net.Conn

	lock  sync.Mutex
	conns []net.Conn // both ends of all, to be closed with the session
}

func (s *bareSession) open() (io.ReadWriteCloser, error) {
	client, server, err := s.dial()
	if err != nil {
		return nil, err
	}
	s.lock.Lock()
	s.conns = append(s.conns, client, server)
	s.lock.Unlock()
	select {
	case s.accepted <- server:
		return client, nil
	case <-s.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (s *bareSession) accept() (io.ReadWriteCloser, error) {
	select {
	case c := <-s.accepted:
		return c, nil
	case <-s.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (s *bareSession) close() error {
	s.cancel()
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
	return nil
}
