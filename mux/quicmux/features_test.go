package quicmux_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/quicmux"
)

// serveEcho echoes the streams of every session until l is closed.
func serveEcho(t *testing.T, l *quicmux.Listener) {
	var group sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		group.Wait()
	})
	group.Go(func() {
		for {
			s, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			group.Go(func() { echoStreams(s, &group) })
		}
	})
}

func echoStreams(s mux.Session, group *sync.WaitGroup) {
	for {
		st, err := s.Accept(context.Background())
		if err != nil {
			return
		}
		group.Go(func() {
			_, _ = io.Copy(st, st)
			_ = st.Close()
		})
	}
}

// exchange sends want over a new stream, and has it come back.
func exchange(s mux.Session, want []byte) error {
	st, err := s.Open(context.Background())
	if err != nil {
		return err
	}
	defer st.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := st.Write(want)
		sent <- errors.Join(err, st.CloseWrite())
	}()
	got, err := io.ReadAll(st)
	if err == nil && !bytes.Equal(got, want) {
		err = errors.New("other bytes came back")
	}
	return errors.Join(err, <-sent)
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

// waitingCache tells when a ticket has come.
type waitingCache struct {
	tls.ClientSessionCache
	came chan struct{}
}

func newWaitingCache() *waitingCache {
	return &waitingCache{tls.NewLRUClientSessionCache(8), make(chan struct{}, 8)}
}

func (c *waitingCache) Put(key string, s *tls.ClientSessionState) {
	c.ClientSessionCache.Put(key, s)
	if s != nil {
		c.came <- struct{}{}
	}
}

// TestEarly: the second session sends before its handshake is over.
func TestEarly(t *testing.T) {
	server := serverTLS()
	l, err := quicmux.Listen("127.0.0.1:0", quicmux.Config{TLS: server, Early: true})
	if err != nil {
		t.Fatal(err)
	}
	serveEcho(t, l)
	cache := newWaitingCache()
	cfg := quicmux.Config{TLS: clientTLS(), Early: true}
	cfg.TLS.ClientSessionCache = cache
	for i, early := range []bool{false, true} {
		s, err := quicmux.Dial(t.Context(), l.Addr().String(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := exchange(s, pattern(5000)); err != nil {
			t.Errorf("session %d: %v", i, err)
		}
		if st := s.Stats(); st.Early != early || st.Resumed != early {
			t.Errorf("session %d: early %v, resumed %v, want %v", i, st.Early, st.Resumed, early)
		}
		<-cache.came
		_ = s.Close()
	}
}

// TestEarlyRejected: what was sent too early is lost, and says so; the session
// goes on.
func TestEarlyRejected(t *testing.T) {
	cache := newWaitingCache()
	cfg := quicmux.Config{TLS: clientTLS(), Early: true}
	cfg.TLS.ClientSessionCache = cache
	first := listen(t, quicmux.Config{Early: true})
	serveEcho(t, first)
	s, err := quicmux.Dial(t.Context(), first.Addr().String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := exchange(s, pattern(10)); err != nil {
		t.Fatal(err)
	}
	<-cache.came
	_ = s.Close()

	// Another server has other ticket keys.
	second := listen(t, quicmux.Config{Early: true})
	serveEcho(t, second)
	s, err = quicmux.Dial(t.Context(), second.Addr().String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := exchange(s, pattern(10)); err != nil && !mux.Unprocessed(err) {
		t.Errorf("a stream that was too early: %v, want one that says that it was not processed", err)
	}
	if err := exchange(s, pattern(5000)); err != nil {
		t.Errorf("a stream after the rejection: %v", err)
	}
	if s.Stats().Early {
		t.Error("Stats says that early data was accepted")
	}
}

// TestMigration moves a session to another socket while a stream is open.
func TestMigration(t *testing.T) {
	c, s := pair(t, quicmux.Config{}, quicmux.Config{})
	var group sync.WaitGroup
	group.Go(func() { echoStreams(s, &group) })
	st, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	turn := func(what string) {
		t.Helper()
		if _, err := st.Write([]byte(what)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(what))
		if _, err := io.ReadFull(st, got); err != nil || string(got) != what {
			t.Fatalf("got %q, %v, want %q", got, err, what)
		}
	}
	turn("before")
	was := s.RemoteAddr().String()
	udp, err := net.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	other := &quic.Transport{Conn: udp}
	defer func() { _, _ = other.Close(), udp.Close() }()
	path, err := c.Conn().AddPath(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := path.Switch(); err != nil {
		t.Fatal(err)
	}
	turn("behind")
	if is := s.RemoteAddr().String(); is == was {
		t.Errorf("the server still sees %v", is)
	}
	_ = c.Close()
	group.Wait()
}

func TestDatagrams(t *testing.T) {
	c, s := pair(t, quicmux.Config{Datagrams: true}, quicmux.Config{Datagrams: true})
	if err := c.SendDatagram([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if b, err := s.ReceiveDatagram(t.Context()); err != nil || string(b) != "hello" {
		t.Errorf("ReceiveDatagram = %q, %v", b, err)
	}
	if err := c.SendDatagram(make([]byte, 60000)); err == nil {
		t.Error("a datagram of 60000 bytes was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.ReceiveDatagram(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ReceiveDatagram = %v, want context.Canceled", err)
	}
	_ = c.Close()
	if _, err := s.ReceiveDatagram(t.Context()); err != io.EOF {
		t.Errorf("ReceiveDatagram at the end = %v, want io.EOF", err)
	}
}

// A ledger is a Budget that keeps count, and grants up to most.
type ledger struct {
	mu         sync.Mutex
	used, most int
	refused    int
}

func (l *ledger) TryReserve(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n > l.most-l.used {
		l.refused++
		return false
	}
	l.used += n
	return true
}

func (l *ledger) Release(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used -= n
}

// TestBudget: windows grow only by what the budget grants, all works without,
// and everything is given back.
func TestBudget(t *testing.T) {
	for _, most := range []int{0, 8 << 20} {
		budget := &ledger{most: most}
		l := listen(t, quicmux.Config{Budget: budget})
		serveEcho(t, l)
		c, err := quicmux.Dial(t.Context(), l.Addr().String(), quicmux.Config{TLS: clientTLS(), Budget: budget})
		if err != nil {
			t.Fatal(err)
		}
		if err := exchange(c, pattern(16<<20)); err != nil {
			t.Errorf("with a budget of %d: %v", most, err)
		}
		_ = c.Close()
		_ = l.Close()
		budget.mu.Lock()
		if budget.used != 0 {
			t.Errorf("with a budget of %d: %d bytes were not given back", most, budget.used)
		}
		budget.mu.Unlock()
	}
}

func TestBuffersAreReported(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what it has granted")
	}
	c, s := pair(t, quicmux.Config{}, quicmux.Config{})
	for _, st := range []quicmux.Stats{c.Stats(), s.Stats()} {
		b := st.Buffers
		if b.ReadAsked == 0 || b.ReadGranted == 0 || b.WriteAsked == 0 || b.WriteGranted == 0 {
			t.Errorf("Buffers = %+v, want what was asked and granted", b)
		}
	}
}

func TestConfigRefused(t *testing.T) {
	tlsConfig := clientTLS()
	for name, cfg := range map[string]quicmux.Config{
		"no TLS":         {},
		"no protocol":    {TLS: &tls.Config{}},
		"stream window":  {TLS: tlsConfig, StreamWindow: 1000},
		"session window": {TLS: tlsConfig, SessionWindow: 1 << 20},
		"idle timeout":   {TLS: tlsConfig, IdleTimeout: time.Millisecond},
	} {
		if _, err := quicmux.Dial(t.Context(), "127.0.0.1:1", cfg); err == nil {
			t.Errorf("%s: Dial succeeded", name)
		}
		if _, err := quicmux.Listen("127.0.0.1:0", cfg); err == nil {
			t.Errorf("%s: Listen succeeded", name)
		}
	}
}

func TestPriorityAndCodes(t *testing.T) {
	c, _ := pair(t, quicmux.Config{}, quicmux.Config{})
	st, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := st.(mux.Prioritizer)
	for urgency, ok := range map[int]bool{-1: false, 0: true, 7: true, 8: false} {
		if err := p.SetPriority(urgency); (err == nil) != ok {
			t.Errorf("SetPriority(%d) = %v", urgency, err)
		}
	}
	if err := c.CloseWithError(1<<62, ""); err == nil {
		t.Error("CloseWithError with a code of 63 bits succeeded")
	}
	if err := c.Err(); err != nil {
		t.Errorf("a refused code ended the session: %v", err)
	}
}

func TestDialErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := quicmux.Dial(ctx, "127.0.0.1:1", quicmux.Config{TLS: clientTLS()}); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial = %v, want context.Canceled", err)
	}
	if _, err := quicmux.Dial(t.Context(), "nowhere", quicmux.Config{TLS: clientTLS()}); err == nil {
		t.Error("Dial without a port succeeded")
	}
	l := listen(t, quicmux.Config{})
	untrusting := &tls.Config{ServerName: "test", NextProtos: []string{"test"}}
	if _, err := quicmux.Dial(t.Context(), l.Addr().String(), quicmux.Config{TLS: untrusting}); err == nil {
		t.Error("Dial of a server that nobody vouches for succeeded")
	}
}

func TestListenerClosed(t *testing.T) {
	l, err := quicmux.Listen("127.0.0.1:0", quicmux.Config{TLS: serverTLS()})
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error)
	go func() {
		_, err := l.Accept(context.Background())
		result <- err
	}()
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-result; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v, want net.ErrClosed", err)
	}
}

// TestWriteTo hands on all that a stream has, without a buffer of the caller's.
func TestWriteTo(t *testing.T) {
	c, s := pair(t, quicmux.Config{}, quicmux.Config{})
	want := pattern(1 << 20)
	go func() {
		st, err := s.Accept(context.Background())
		if err != nil {
			return
		}
		_, _ = st.Write(want)
		_ = st.Close()
	}()
	st, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	n, err := st.(io.WriterTo).WriteTo(&got)
	if err != nil || n != int64(len(want)) || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("WriteTo = %d, %v, want %d and the same bytes", n, err, len(want))
	}
}

// TestPoolOverQUIC kills one of two sessions under many streams: those on the
// other one go on, and new ones are opened there.
func TestPoolOverQUIC(t *testing.T) {
	l := listen(t, quicmux.Config{})
	serveEcho(t, l)
	var mu sync.Mutex
	var sessions []*quicmux.Session
	p, err := mux.NewPool(mux.PoolConfig{
		MaxSessions: 2,
		Dial: func(ctx context.Context) (mux.Session, error) {
			s, err := quicmux.Dial(ctx, l.Addr().String(), quicmux.Config{TLS: clientTLS()})
			if err != nil {
				return nil, err
			}
			mu.Lock()
			defer mu.Unlock()
			sessions = append(sessions, s)
			return s, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	turn := func(st mux.Stream) error {
		if _, err := st.Write([]byte("turn")); err != nil {
			return err
		}
		_, err := io.ReadFull(st, make([]byte, 4))
		return err
	}
	var talk, bulk []mux.Stream
	for i := range 1000 {
		use := mux.Use(i % 2)
		st, err := p.Open(t.Context(), use)
		if err != nil {
			t.Fatal(err)
		}
		if err := turn(st); err != nil {
			t.Fatal(err)
		}
		if use == mux.Bulk {
			bulk = append(bulk, st)
		} else {
			talk = append(talk, st)
		}
	}
	mu.Lock()
	if len(sessions) != 2 {
		t.Fatalf("%d sessions, want 2", len(sessions))
	}
	victim := sessions[1] // dialed for bulk
	mu.Unlock()
	_ = victim.CloseWithError(mux.InternalError, "killed")
	for i, st := range talk {
		if err := turn(st); err != nil {
			t.Fatalf("stream %d of the other session: %v", i, err)
		}
	}
	lost := 0
	for _, st := range bulk {
		if turn(st) != nil {
			lost++
		}
	}
	if lost == 0 {
		t.Error("no stream was on the session that was killed")
	}
	for range 10 {
		st, err := p.Open(t.Context(), mux.Interactive)
		if err != nil {
			t.Fatal(err)
		}
		if err := turn(st); err != nil {
			t.Fatal(err)
		}
	}
}
