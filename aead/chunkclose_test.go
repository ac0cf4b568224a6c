package aead_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/headrace-go/headrace/aead"
)

// The end of one direction goes through, and the other goes on.
func TestHalfClose(t *testing.T) {
	raw1, raw2 := tcpPair(t)
	l := newLedger()
	c1, c2 := connPair(t, raw1, raw2, l)
	defer c1.Close()
	defer c2.Close()
	for _, end := range []struct{ from, to *aead.ChunkConn }{{c1, c2}, {c2, c1}} {
		want := randomBytes(1, 100000)
		go func() {
			if _, err := end.from.Write(want); err != nil {
				t.Error(err)
			}
			if err := end.from.CloseWrite(); err != nil {
				t.Error(err)
			}
		}()
		got, err := io.ReadAll(end.to)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	l.check(t, 0)
}

// A stream that nothing was written to ends cleanly at the other side.
func TestCloseWriteOfAnEmptyStream(t *testing.T) {
	raw1, raw2 := tcpPair(t)
	c1, c2 := connPair(t, raw1, raw2, nil)
	if err := c1.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := c2.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read = %d, %v, want io.EOF", n, err)
	}
}

func TestHalfCloseUnsupported(t *testing.T) {
	raw1, raw2 := net.Pipe()
	c1, c2 := connPair(t, raw1, raw2, nil)
	defer c1.Close()
	defer c2.Close()
	if err := c1.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("CloseWrite over a net.Pipe = %v", err)
	}
	if err := c1.CloseRead(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("CloseRead over a net.Pipe = %v", err)
	}
}

// After CloseRead the stream ends, even inside a chunk.
func TestCloseRead(t *testing.T) {
	needsSockets(t)
	raw1, raw2 := tcpPair(t)
	l := newLedger()
	c, err := aead.NewChunkConn(raw2, chunkConfig(mustAEAD(t, aead.AES128GCM), l))
	if err != nil {
		t.Fatal(err)
	}
	wire := twinSeal(mustAEAD(t, aead.AES128GCM), []byte("data"))
	if _, err := raw1.Write(wire[:20]); err != nil {
		t.Fatal(err)
	}
	waitReady(t, mustWatcher(t), c)
	if n, err := c.Step(io.Discard, 100); n != 0 || err != nil {
		t.Fatalf("Step = %d, %v", n, err)
	}
	l.check(t, 1)
	if err := c.CloseRead(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read = %d, %v, want io.EOF", n, err)
	}
	if _, err := c.Write([]byte("still there")); err != nil {
		t.Errorf("Write after CloseRead: %v", err)
	}
	l.check(t, 0)
}

// Abort is a reset for the peer, and closes.
func TestAbort(t *testing.T) {
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"bare":        func(c net.Conn) net.Conn { return c },
		"transparent": func(c net.Conn) net.Conn { return transparent{c} },
		"own Abort":   func(c net.Conn) net.Conn { return aborter{c} },
	} {
		raw1, raw2 := tcpPair(t)
		l := newLedger()
		c1, c2 := connPair(t, wrap(raw1), raw2, l)
		if _, err := c1.Write([]byte("data")); err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 100)
		if n, err := c2.Read(p); n != 4 || err != nil {
			t.Fatalf("Read = %d, %v", n, err)
		}
		if err := c1.Abort(); err != nil {
			t.Errorf("%s: Abort = %v", name, err)
		}
		if n, err := c2.Read(p); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: Read at the peer = %d, %v, want ECONNRESET", name, n, err)
		}
		if _, err := c1.Write(p); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: Write after Abort = %v", name, err)
		}
		if _, err := c1.Read(p); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: Read after Abort = %v", name, err)
		}
		c2.Close()
		l.check(t, 0)
	}
}

type transparent struct{ net.Conn }

func (c transparent) TransparentConn() (net.Conn, func(read, written int64)) { return c.Conn, nil }

type aborter struct{ net.Conn }

func (c aborter) Abort() error {
	_ = c.Conn.(*net.TCPConn).SetLinger(0)
	return c.Conn.Close()
}

// Close lets go of all memory, whatever the stream was doing.
func TestCloseReleasesEverything(t *testing.T) {
	a := mustAEAD(t, aead.AES128GCM)
	wire := append(make([]byte, 16), twinSeal(a, randomBytes(1, 9000), randomBytes(2, 9000))...)
	for end := 1; end <= len(wire); end += 1000 {
		for _, reads := range []int{0, 1, 9000, 9001} {
			raw1, raw2 := tcpPair(t)
			l := newLedger()
			_, c := connPair(t, raw1, raw2, l)
			if _, err := raw1.Write(wire[:end]); err != nil {
				t.Fatal(err)
			}
			if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
			if end == len(wire) {
				_ = c.SetReadDeadline(time.Time{})
			}
			if reads > 0 {
				_, _ = io.ReadAtLeast(c, make([]byte, reads), 1)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			l.check(t, 0)
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("Read after Close = %v", err)
			}
			if _, err := c.WriteTo(io.Discard); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("WriteTo after Close = %v", err)
			}
			if _, err := c.Step(io.Discard, 1); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("Step after Close = %v", err)
			}
			if _, err := c.ReadFrom(bytes.NewReader([]byte("x"))); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("ReadFrom after Close = %v", err)
			}
			if err := c.CloseWrite(); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("CloseWrite after Close = %v", err)
			}
			woken := false
			if c.Ready(nil, func() { woken = true }); !woken {
				t.Fatal("Ready after Close did not wake")
			}
			l.check(t, 0)
		}
	}
}

// Close ends what is under way, and waits for nobody.
func TestCloseUnblocks(t *testing.T) {
	for name, block := range map[string]func(c *aead.ChunkConn) error{
		"Read":    func(c *aead.ChunkConn) error { _, err := c.Read(make([]byte, 10)); return err },
		"WriteTo": func(c *aead.ChunkConn) error { _, err := c.WriteTo(io.Discard); return err },
		"Write": func(c *aead.ChunkConn) error {
			for {
				if _, err := c.Write(make([]byte, 1<<20)); err != nil {
					return err
				}
			}
		},
		"ReadFrom": func(c *aead.ChunkConn) error {
			_, err := c.ReadFrom(forever{})
			return err
		},
	} {
		raw1, raw2 := tcpPair(t)
		l := newLedger()
		c, _ := connPair(t, raw1, raw2, l)
		started := make(chan struct{})
		done := make(chan error, 1)
		go func() {
			close(started)
			done <- block(c)
		}()
		<-started
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s ended with %v, want net.ErrClosed", name, err)
		}
		l.check(t, 0)
	}
}

// forever is a source without an end.
type forever struct{}

func (forever) Read(p []byte) (int, error) { return len(p), nil }

// A WriteTo that is stuck in its destination does not keep Close waiting.
func TestCloseWhileDeliveryIsStuck(t *testing.T) {
	raw1, raw2 := tcpPair(t)
	l := newLedger()
	c1, c2 := connPair(t, raw1, raw2, l)
	defer c1.Close()
	if _, err := c1.Write([]byte("data")); err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := c2.WriteTo(writerFunc(func(p []byte) (int, error) {
			close(entered)
			<-leave
			if string(p) != "data" {
				t.Errorf("the destination's bytes became %q", p)
			}
			return len(p), nil
		}))
		done <- err
	}()
	<-entered
	if err := c2.Close(); err != nil {
		t.Fatal(err)
	}
	l.check(t, 1) // still lent to the destination
	close(leave)
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("WriteTo ended with %v", err)
	}
	l.check(t, 0)
}
