package serve_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/headrace-go/headrace/examples/internal/serve"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A lineLog keeps what is logged, a line per entry.
type lineLog struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	first chan struct{} // closed with the first entry, unless nil
}

func (l *lineLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first != nil && l.buf.Len() == 0 {
		close(l.first)
	}
	return l.buf.Write(b)
}

// lines returns what was logged; none is one empty line.
func (l *lineLog) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.buf.String(), "\n"), "\n")
}

func (l *lineLog) logger() *log.Logger { return log.New(l, "", 0) }

// start serves cfg on loopback until the test ends. stop ends it sooner, and
// waits until it has ended.
func start(t *testing.T, cfg serve.Config) (s *serve.Server, addr string, stop func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = serve.New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return s, ln.Addr().String(), stop
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

// echo sends back what it gets on any number of connections, until stop, which
// waits for them, or the end of the test.
func echo(t *testing.T) (addr string, stop func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			})
		}
	})
	stop = sync.OnceFunc(func() {
		_ = ln.Close()
		conns.Wait()
	})
	t.Cleanup(stop)
	return ln.Addr().String(), stop
}

// forward opens by dialing addr, whatever the client says.
func forward(addr string) func(context.Context, net.Conn) (a, b net.Conn, err error) {
	return func(ctx context.Context, client net.Conn) (a, b net.Conn, err error) {
		var d net.Dialer
		target, err := d.DialContext(ctx, "tcp", addr)
		return client, target, err
	}
}

func TestServeJoins(t *testing.T) {
	var logged lineLog
	target, _ := echo(t)
	s, addr, stop := start(t, serve.Config{Open: forward(target), Log: logged.logger()})
	c := dial(t, addr)
	const said = "there and back"
	if _, err := io.WriteString(c, said); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || string(got) != said {
		t.Fatalf("read %q, %v, want %q", got, err, said)
	}
	stop()
	want := serve.Stats{Accepted: 1, Up: int64(len(said)), Down: int64(len(said))}
	if got := s.Stats(); got != want {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}
	if lines := logged.lines(); lines[0] != "" {
		t.Errorf("a connection without an error logged %q", lines)
	}
}

// The reply to a refused request arrives, and then the end of the stream, though
// the client has sent much that nobody read.
func TestRefusalArrives(t *testing.T) {
	const reply = "no"
	cause := errors.New("refused for a reason")
	var logged lineLog
	s, addr, stop := start(t, serve.Config{
		Log: logged.logger(),
		Open: func(_ context.Context, client net.Conn) (a, b net.Conn, err error) {
			if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
				return nil, nil, err
			}
			if _, err := io.WriteString(client, reply); err != nil {
				return nil, nil, err
			}
			return nil, nil, cause
		},
	})
	c := dial(t, addr)
	if _, err := c.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || string(got) != reply {
		t.Errorf("read %q, %v, want %q", got, err, reply)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	stop()
	if got, want := logged.lines(), c.LocalAddr().String()+": "+cause.Error(); len(got) != 1 || got[0] != want {
		t.Errorf("logged %q, want %q", got, want)
	}
	if got, want := s.Stats(), (serve.Stats{Accepted: 1, Refused: 1}); got != want {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}
}

// A relay that breaks is one line, and counted.
func TestBrokenRelay(t *testing.T) {
	logged := lineLog{first: make(chan struct{})}
	target, _ := echo(t)
	s, addr, stop := start(t, serve.Config{Open: forward(target), Log: logged.logger()})
	c := dial(t, addr)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := c.SetLinger(0); err != nil { // Close is to send a reset
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	<-logged.first
	stop()
	if got, want := logged.lines(), c.LocalAddr().String()+" -> "; len(got) != 1 || !strings.HasPrefix(got[0], want) {
		t.Errorf("logged %q, want %q...", got, want)
	}
	if got := s.Stats(); got.Cut != 1 {
		t.Errorf("Stats() = %+v, want one Cut", got)
	}
}

// When ctx is done, connections end in whatever state they are, nothing is
// logged about it, and no socket stays open.
func TestShutdown(t *testing.T) {
	before := sockets(t)
	target, stopTarget := echo(t)
	opening := make(chan struct{}, 2)
	var logged lineLog
	_, addr, stop := start(t, serve.Config{
		Log: logged.logger(),
		Open: func(ctx context.Context, client net.Conn) (a, b net.Conn, err error) {
			opening <- struct{}{}
			if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
				return nil, nil, err
			}
			return forward(target)(ctx, client)
		},
	})
	silent, joined := dial(t, addr), dial(t, addr)
	<-opening
	<-opening
	if _, err := io.WriteString(joined, "12"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(joined, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	stop()
	for _, c := range []net.Conn{silent, joined} {
		if n, err := io.Copy(io.Discard, c); n != 0 {
			t.Errorf("read %d bytes, %v, after the end", n, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if lines := logged.lines(); lines[0] != "" {
		t.Errorf("the end was logged as %q", lines)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the listener is still there")
	}
	stopTarget()
	if after := sockets(t); after != before {
		t.Errorf("%d sockets are open, %d were before", after, before)
	}
}

// sockets counts the open ones. (Pipes come and go: the standard library keeps
// some for io.Copy between sockets.)
func sockets(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("counting sockets needs /proc: %v", err)
	}
	n := 0
	for _, e := range entries {
		// The descriptor that the directory was read by is gone already.
		if link, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(link, "socket:") {
			n++
		}
	}
	return n
}

func TestServeListenerClosed(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if err := serve.New(serve.Config{}).Serve(t.Context(), ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve on a closed listener = %v, want %v", err, net.ErrClosed)
	}
}
