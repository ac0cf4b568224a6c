package faultconn_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/internal/faultconn"
	"golang.org/x/net/nettest"
	"pgregory.net/rapid"
)

func TestZeroPlanIsANetConn(t *testing.T) {
	nettest.TestConn(t, func() (a, b net.Conn, stop func(), err error) {
		x, y := faultconn.Pair(0)
		c := faultconn.Wrap(x, faultconn.Plan{})
		return c, y, func() { c.Close(); y.Close() }, nil
	})
}

func TestNoTypeIsTransparent(t *testing.T) {
	a, _ := faultconn.Pair(0)
	for _, c := range []any{a, faultconn.Wrap(a, faultconn.Plan{})} {
		switch c.(type) {
		case interface {
			TransparentConn() (net.Conn, func(read, written int64))
		}:
			t.Errorf("%T has TransparentConn", c)
		case syscall.Conn:
			t.Errorf("%T has SyscallConn", c)
		case io.ReaderFrom, io.WriterTo:
			t.Errorf("%T has a bulk path of its own", c)
		}
	}
}

func wrapped(plan faultconn.Plan) (*faultconn.Conn, *faultconn.Endpoint) {
	a, b := faultconn.Pair(0)
	return faultconn.Wrap(a, plan), b
}

func TestPieces(t *testing.T) {
	c, peer := wrapped(faultconn.Plan{
		Read:  faultconn.Script{MaxBytes: 1},
		Write: faultconn.Script{MaxBytes: 2, Short: true},
	})
	mustWrite(t, peer, "abc")
	wantRead(t, c, "a", nil)
	wantRead(t, c, "b", nil)

	if n, err := c.Write([]byte("hello")); n != 2 || err != nil {
		t.Fatalf("short Write = %d, %v, want 2, nil", n, err)
	}
	wantRead(t, peer, "he", nil)
}

// pieceConn notes the length of each Write.
type pieceConn struct {
	net.Conn
	pieces []int
}

func (c *pieceConn) Write(p []byte) (int, error) {
	c.pieces = append(c.pieces, len(p))
	return len(p), nil
}

func TestWriteInPieces(t *testing.T) {
	for _, seed := range []uint64{0, 1, 2} {
		below := new(pieceConn)
		c := faultconn.Wrap(below, faultconn.Plan{Write: faultconn.Script{MaxBytes: 30, Seed: seed}})
		if n, err := c.Write(make([]byte, 100)); n != 100 || err != nil {
			t.Fatalf("Write = %d, %v, want 100, nil", n, err)
		}
		sum := 0
		for _, n := range below.pieces {
			if n < 1 || n > 30 {
				t.Errorf("seed %d: a piece of %d bytes, want 1 to 30", seed, n)
			}
			sum += n
		}
		if sum != 100 {
			t.Errorf("seed %d: pieces %v sum up to %d, want 100", seed, below.pieces, sum)
		}
		if seed == 0 && len(below.pieces) != 4 {
			t.Errorf("without a seed pieces are %v, want 30 30 30 10", below.pieces)
		}
	}
}

func TestFaultAtEveryByte(t *testing.T) {
	const size = 20
	tests := []struct {
		kind              faultconn.Kind
		readErr, writeErr error
		peerErr           error // what a peer that reads on sees
	}{
		{faultconn.Timeout, faultconn.ErrTimeout, faultconn.ErrTimeout, nil},
		{faultconn.End, io.EOF, syscall.EPIPE, nil},
		{faultconn.Reset, syscall.ECONNRESET, syscall.ECONNRESET, syscall.ECONNRESET},
	}
	for _, tt := range tests {
		for after := range int64(size) {
			faults := []faultconn.Fault{{After: after, Kind: tt.kind}}

			c, peer := wrapped(faultconn.Plan{Read: faultconn.Script{Faults: faults}})
			peer.Write(make([]byte, size))
			n, err := io.ReadFull(c, make([]byte, size))
			if tt.kind == faultconn.End && after > 0 {
				tt.readErr = io.ErrUnexpectedEOF // ReadFull's word for it
			}
			if int64(n) != after || !errors.Is(err, tt.readErr) {
				t.Errorf("%v after %d: read %d, %v, want %v", tt.kind, after, n, err, tt.readErr)
			}
			wantPeer(t, peer, tt.kind, tt.peerErr)

			c, peer = wrapped(faultconn.Plan{Write: faultconn.Script{Faults: faults}})
			n, err = c.Write(make([]byte, size))
			if int64(n) != after || !errors.Is(err, tt.writeErr) {
				t.Errorf("%v after %d: wrote %d, %v, want %v", tt.kind, after, n, err, tt.writeErr)
			}
			wantPeer(t, peer, tt.kind, tt.peerErr)
		}
	}
}

// wantPeer checks that a reset, and only a reset, has reached the peer.
func wantPeer(t *testing.T, peer net.Conn, kind faultconn.Kind, want error) {
	t.Helper()
	if _, err := peer.Write([]byte("x")); !errors.Is(err, want) {
		t.Errorf("after %v the peer's Write = %v, want %v", kind, err, want)
	}
}

func TestTimeoutIsTemporary(t *testing.T) {
	storm := []faultconn.Fault{{Kind: faultconn.Timeout}, {Kind: faultconn.Timeout}, {Kind: faultconn.Timeout}}
	c, peer := wrapped(faultconn.Plan{Read: faultconn.Script{Faults: storm}})
	mustWrite(t, peer, "data")
	for range storm {
		wantRead(t, c, "", os.ErrDeadlineExceeded)
	}
	wantRead(t, c, "data", nil)
	if !faultconn.ErrTimeout.Timeout() {
		t.Error("ErrTimeout is no timeout")
	}
}

func TestStall(t *testing.T) {
	stalled := faultconn.Plan{
		Read:  faultconn.Script{Faults: []faultconn.Fault{{After: 2, Kind: faultconn.Stall}}},
		Write: faultconn.Script{Faults: []faultconn.Fault{{After: 0, Kind: faultconn.Stall}}},
	}
	synctest.Test(t, func(t *testing.T) {
		c, peer := wrapped(stalled)
		mustWrite(t, peer, "abcd")
		wantRead(t, c, "ab", nil)

		start := time.Now()
		c.SetDeadline(start.Add(time.Minute))
		wantRead(t, c, "", os.ErrDeadlineExceeded)
		wantWriteErr(t, c, os.ErrDeadlineExceeded)
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("waited %v, want 1m0s", waited)
		}

		c.SetDeadline(time.Time{})
		go func() {
			<-c.Stalled()
			time.Sleep(time.Hour)
			c.Resume()
		}()
		wantRead(t, c, "cd", nil)
		mustWrite(t, c, "x")
	})
	synctest.Test(t, func(t *testing.T) {
		c, _ := wrapped(stalled)
		go func() {
			time.Sleep(time.Hour)
			c.Close()
		}()
		wantWriteErr(t, c, net.ErrClosed)
	})
}

func TestResetWakesTheOtherDirection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := wrapped(faultconn.Plan{Write: faultconn.Script{Faults: []faultconn.Fault{{Kind: faultconn.Reset}}}})
		go func() {
			time.Sleep(time.Second)
			c.Write([]byte("x"))
		}()
		wantRead(t, c, "", syscall.ECONNRESET)
		wantRead(t, peer, "", syscall.ECONNRESET)
		if err := c.Close(); err != nil {
			t.Errorf("Close after a reset = %v", err)
		}
		wantRead(t, c, "", net.ErrClosed)
	})
}

func TestResetOverTCP(t *testing.T) {
	ln, err := nettest.NewLocalListener("tcp")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dialed, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := faultconn.Wrap(dialed, faultconn.Plan{Write: faultconn.Script{Faults: []faultconn.Fault{{After: 3, Kind: faultconn.Reset}}}})
	defer c.Close()
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if n, err := c.Write([]byte("abcdef")); n != 3 || !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("Write = %d, %v, want 3, ECONNRESET", n, err)
	}
	_, err = io.Copy(io.Discard, peer)
	// Some systems give a reset peer another error; none gives a clean end.
	if err == nil {
		t.Error("the peer of a reset conn saw a clean end")
	}
}

func TestCloseErr(t *testing.T) {
	failure := errors.New("close failed")
	c, peer := wrapped(faultconn.Plan{CloseErr: failure})
	if err := c.Close(); err != failure {
		t.Errorf("Close = %v, want %v", err, failure)
	}
	wantRead(t, peer, "", io.EOF)
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close = %v, want net.ErrClosed", err)
	}
}

func TestHalfClosePassesThrough(t *testing.T) {
	c, peer := wrapped(faultconn.Plan{})
	if err := c.CloseWrite(); err != nil {
		t.Errorf("CloseWrite = %v", err)
	}
	wantRead(t, peer, "", io.EOF)
	if err := c.CloseRead(); err != nil {
		t.Errorf("CloseRead = %v", err)
	}
	wantWriteErr(t, peer, syscall.EPIPE)

	plain := faultconn.Wrap(new(pieceConn), faultconn.Plan{})
	if err := plain.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("CloseWrite over a conn without it = %v, want ErrUnsupported", err)
	}
}

// exchange sends data from a faulty end to a well-behaved one and back again,
// trying on after timeouts, and returns what came back.
func exchange(plan faultconn.Plan, data []byte) ([]byte, error) {
	a, peer := faultconn.Pair(16)
	c := faultconn.Wrap(a, plan)
	defer c.Close()
	echoed := make(chan struct{})
	go func() {
		defer close(echoed)
		io.Copy(peer, peer)
		peer.Close()
	}()
	defer func() { c.Close(); <-echoed }()
	go func() {
		defer c.CloseWrite()
		for rest := data; len(rest) > 0; {
			n, err := c.Write(rest)
			rest = rest[n:]
			if err != nil && !errors.Is(err, faultconn.ErrTimeout) {
				return
			}
		}
	}()
	var got []byte
	buf := make([]byte, 1000)
	for {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			return got, nil
		}
		if err != nil && !errors.Is(err, faultconn.ErrTimeout) {
			return got, err
		}
	}
}

func TestDrawnPlans(t *testing.T) {
	data := make([]byte, 3000)
	rand.NewChaCha8([32]byte{}).Read(data)
	rapid.Check(t, func(t *rapid.T) {
		intn := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }

		plan := faultconn.Draw(intn, len(data), faultconn.Timeout)
		if got, err := exchange(plan, data); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%+v: %d bytes came back, %v; want all %d", plan, len(got), err, len(data))
		}

		plan = faultconn.Draw(intn, len(data), faultconn.Timeout, faultconn.End, faultconn.Reset)
		if got, err := exchange(plan, data); !bytes.HasPrefix(data, got) {
			t.Fatalf("%+v: %d other bytes came back, %v", plan, len(got), err)
		}
	})
}

func TestDrawOfZerosHasNoFault(t *testing.T) {
	plan := faultconn.Draw(func(int) int { return 0 }, 1000, faultconn.Reset)
	for _, s := range []faultconn.Script{plan.Read, plan.Write} {
		if s.MaxBytes != 0 || s.Seed != 0 || s.Short || len(s.Faults) != 0 {
			t.Errorf("Draw of zeros = %+v, want no fault", plan)
		}
	}
}

func TestNonsensePanics(t *testing.T) {
	for name, f := range map[string]func(){
		"capacity": func() { faultconn.Pair(-1) },
		"MaxBytes": func() { wrapped(faultconn.Plan{Read: faultconn.Script{MaxBytes: -1}}) },
		"Seed":     func() { wrapped(faultconn.Plan{Read: faultconn.Script{Seed: 1}}) },
		"Short":    func() { wrapped(faultconn.Plan{Write: faultconn.Script{Short: true}}) },
		"order": func() {
			wrapped(faultconn.Plan{Read: faultconn.Script{Faults: []faultconn.Fault{{After: 2}, {After: 1}}}})
		},
		"Kind": func() {
			wrapped(faultconn.Plan{Read: faultconn.Script{Faults: []faultconn.Fault{{Kind: faultconn.Reset + 1}}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
