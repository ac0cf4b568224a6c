//lint:file-ignore SA1019 x/net's HTTP/2 is deprecated, and what programs use today

package rivals

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"golang.org/x/net/http2"
)

// http2Muxer is how streams are commonly made of x/net's HTTP/2: a request
// whose body is a pipe, and a response that is flushed after each write.
var http2Muxer = muxer{name: "http2", connect: func(tb testing.TB, dial func() (net.Conn, net.Conn, error)) (session, session) {
	near, far := mustDial(tb, dial)
	server := &http2Server{conn: far, accepted: make(chan *http2Exchange), closed: make(chan struct{})}
	go (&http2.Server{MaxConcurrentStreams: 1000}).ServeConn(far, &http2.ServeConnOpts{Handler: server})
	client, err := (&http2.Transport{AllowHTTP: true}).NewClientConn(near)
	if err != nil {
		tb.Fatal(err)
	}
	return http2Client{client}, server
}}

type http2Client struct{ *http2.ClientConn }

func (c http2Client) open() (io.ReadWriteCloser, error) {
	body, writer := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://rivals/", body)
	if err != nil {
		cancel()
		return nil, err
	}
	s := &http2Stream{PipeWriter: writer, cancel: cancel, answered: make(chan struct{})}
	go func() {
		defer close(s.answered)
		s.response, s.err = c.RoundTrip(request)
		if s.err != nil {
			body.CloseWithError(s.err)
		}
	}()
	return s, nil
}

func (c http2Client) accept() (io.ReadWriteCloser, error) {
	return nil, errors.New("rivals: the client does not accept")
}

func (c http2Client) close() error { return c.ClientConn.Close() }

// An http2Stream is the client's side of one.
type http2Stream struct {
	*io.PipeWriter // the request's body
	cancel         context.CancelFunc
	answered       chan struct{} // closed when response or err is there
	response       *http.Response
	err            error
}

func (s *http2Stream) Read(p []byte) (int, error) {
	<-s.answered
	if s.err != nil {
		return 0, s.err
	}
	return s.response.Body.Read(p)
}

func (s *http2Stream) Close() error {
	err := s.PipeWriter.Close()
	<-s.answered
	if s.err == nil {
		// The end of the body is the server's answer to the end of ours.
		_, drained := io.Copy(io.Discard, s.response.Body)
		err = errors.Join(err, drained, s.response.Body.Close())
	}
	s.cancel()
	return err
}

// An http2Server hands the requests of its connection to accept.
type http2Server struct {
	conn     net.Conn
	accepted chan *http2Exchange
	closed   chan struct{}
	once     sync.Once
}

func (s *http2Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	exchange := &http2Exchange{Reader: r.Body, writer: w, flush: http.NewResponseController(w).Flush, done: make(chan struct{})}
	if err := exchange.flush(); err != nil {
		return
	}
	select {
	case s.accepted <- exchange:
		<-exchange.done
	case <-s.closed:
	}
}

func (s *http2Server) open() (io.ReadWriteCloser, error) {
	return nil, errors.New("rivals: the server does not open")
}

func (s *http2Server) accept() (io.ReadWriteCloser, error) {
	select {
	case exchange := <-s.accepted:
		return exchange, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *http2Server) close() error {
	s.once.Do(func() { close(s.closed) })
	return s.conn.Close()
}

// An http2Exchange is the server's side of a stream.
type http2Exchange struct {
	io.Reader
	writer io.Writer
	flush  func() error
	done   chan struct{} // closed by Close, which is called once
}

func (e *http2Exchange) Write(p []byte) (int, error) {
	n, err := e.writer.Write(p)
	return n, errors.Join(err, e.flush())
}

func (e *http2Exchange) Close() error {
	close(e.done)
	return nil
}
