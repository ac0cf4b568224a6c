package link_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/headrace-go/headrace/bench/internal/link"
	"github.com/headrace-go/headrace/bench/internal/link/bridge"
	"golang.org/x/sys/unix"
)

func TestCheck(t *testing.T) {
	l := newLink(t, link.Config{})
	m, err := l.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", m)
}

// TestCheckFindsAVoidLink measures links that are faster than they claim to be.
func TestCheckFindsAVoidLink(t *testing.T) {
	l := newLink(t, link.Config{Shape: bridge.Shape{Delay: time.Millisecond}})
	for name, claim := range map[string]bridge.Shape{
		"too near": {Rate: 1e9, Delay: time.Minute},
		"too fast": {Rate: 1e3},
	} {
		l.Claim(claim)
		if m, err := l.Check(t.Context()); !errors.Is(err, link.ErrVoid) {
			t.Errorf("%s: Check() = %+v, %v, want ErrVoid", name, m, err)
		}
	}
}

// TestAccuracy holds what a link is measured to do against what it should.
func TestAccuracy(t *testing.T) {
	if os.Getenv("HEADRACE_SOAK") == "" {
		t.Skip("statistics on times, which need an idle machine: set HEADRACE_SOAK=1")
	}
	const tolerance = 0.05
	l := newLink(t, link.Config{})
	echo := dialEcho(t, l, "192.0.2.2:0")
	near := func(what string, got, want float64) {
		t.Helper()
		t.Logf("%s: %.4g, %+.1f %%", what, got, (got/want-1)*100)
		if got < want*(1-tolerance) || got > want*(1+tolerance) {
			t.Errorf("%s is %.4g, want %.4g within 5 %%", what, got, want)
		}
	}
	// A connect is answered by the kernel: no program has to wake up for it.
	connect := connects(t, l, 200)
	near("connect p50, ms", connect[100].Seconds()*1e3, 20)
	t.Logf("connect p95 %v, p99 %v", connect[190], connect[198])
	idle := pings(t, echo, 200)
	t.Logf("datagrams there and back: p50 %v, p95 %v, p99 %v", idle[100], idle[190], idle[198])
	for _, load := range []float64{0.5, 0.9} {
		stop := startLoad(t, l, load)
		busy := pings(t, echo, 200)
		stop()
		t.Logf("the same at %.0f %% load: p50 %v, p95 %v, p99 %v", load*100, busy[100], busy[190], busy[198])
	}

	before, err := l.Report()
	if err != nil {
		t.Fatal(err)
	}
	m, err := l.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after, err := l.Report()
	if err != nil {
		t.Fatal(err)
	}
	const payload = 1448. / 1500
	near("up, Mbit/s", m.Up/1e6, 1000*payload)
	near("down, Mbit/s", m.Down/1e6, 1000*payload)
	t.Logf("bridge: %.0f %% of a core", 100*float64(after.CPU-before.CPU)/float64(after.Elapsed-before.Elapsed))
	t.Logf("%+v", after)
}

// startLoad keeps one TCP connection sending from the client at a part of the rate.
func startLoad(t *testing.T, l *link.Link, part float64) (stop func()) {
	t.Helper()
	ln, err := l.Listen(t.Context(), link.Server, "tcp", netip.AddrPortFrom(l.Addr(link.Server), 0).String())
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := l.Dial(t.Context(), link.Client, "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	setOption(t, client, unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, int(1e9/8*part))
	server, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{}, 2)
	go func() { io.Copy(io.Discard, server); ended <- struct{}{} }()
	go func() {
		for buf := make([]byte, 128<<10); ; {
			if _, err := client.Write(buf); err != nil {
				break
			}
		}
		ended <- struct{}{}
	}()
	return func() {
		client.Close()
		server.Close()
		<-ended
		<-ended
	}
}

// connects returns how long n connects took, the shortest first.
func connects(t *testing.T, l *link.Link, n int) []time.Duration {
	t.Helper()
	ln, err := l.Listen(t.Context(), link.Server, "tcp", netip.AddrPortFrom(l.Addr(link.Server), 0).String())
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	took := make([]time.Duration, n)
	err = l.Do(link.Client, func() error {
		for i := range took {
			start := time.Now()
			conn, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				return err
			}
			took[i] = time.Since(start)
			conn.Close()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(took)
	return took
}

// pings returns n round trips, the shortest first.
func pings(t *testing.T, conn net.Conn, n int) []time.Duration {
	t.Helper()
	took := make([]time.Duration, n)
	for i := range took {
		took[i] = ping(t, conn)
	}
	slices.Sort(took)
	return took
}
