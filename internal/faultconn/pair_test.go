package faultconn_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace-go/headrace/internal/faultconn"
	"golang.org/x/net/nettest"
)

func TestPairIsANetConn(t *testing.T) {
	nettest.TestConn(t, func() (a, b net.Conn, stop func(), err error) {
		x, y := faultconn.Pair(0)
		return x, y, func() { x.Close(); y.Close() }, nil
	})
}

// mustWrite writes p whole.
func mustWrite(t *testing.T, w io.Writer, p string) {
	t.Helper()
	if n, err := w.Write([]byte(p)); n != len(p) || err != nil {
		t.Fatalf("Write(%d bytes) = %d, %v", len(p), n, err)
	}
}

// wantRead reads once and compares bytes and error.
func wantRead(t *testing.T, r io.Reader, want string, wantErr error) {
	t.Helper()
	buf := make([]byte, 100)
	n, err := r.Read(buf)
	if got := string(buf[:n]); got != want || !errors.Is(err, wantErr) {
		t.Fatalf("Read = %q, %v, want %q, %v", got, err, want, wantErr)
	}
}

// wantWriteErr writes and wants an error after no byte.
func wantWriteErr(t *testing.T, w io.Writer, wantErr error) {
	t.Helper()
	if n, err := w.Write([]byte("x")); n != 0 || !errors.Is(err, wantErr) {
		t.Fatalf("Write = %d, %v, want 0, %v", n, err, wantErr)
	}
}

func TestPairEnds(t *testing.T) {
	tests := []struct {
		name string
		end  func(*faultconn.Endpoint) error
		// What each end sees afterwards; "sent" was in flight both ways.
		ownRead, ownWrite, peerWrite error
		peerReads                    string
		peerRead                     error
	}{
		{"CloseWrite", (*faultconn.Endpoint).CloseWrite, nil, syscall.EPIPE, nil, "sent", io.EOF},
		{"CloseRead", (*faultconn.Endpoint).CloseRead, io.EOF, nil, syscall.EPIPE, "sent", nil},
		{"Close", (*faultconn.Endpoint).Close, net.ErrClosed, net.ErrClosed, syscall.EPIPE, "sent", io.EOF},
		{"Reset", (*faultconn.Endpoint).Reset, net.ErrClosed, net.ErrClosed, syscall.ECONNRESET, "", syscall.ECONNRESET},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := faultconn.Pair(0)
			mustWrite(t, a, "sent")
			mustWrite(t, b, "sent")
			if err := tt.end(a); err != nil {
				t.Fatalf("%s = %v", tt.name, err)
			}
			if tt.ownRead == nil {
				wantRead(t, a, "sent", nil)
			} else {
				wantRead(t, a, "", tt.ownRead)
			}
			if tt.ownWrite == nil {
				mustWrite(t, a, "x")
			} else {
				wantWriteErr(t, a, tt.ownWrite)
			}
			if tt.peerReads != "" {
				buf := make([]byte, len(tt.peerReads))
				if _, err := io.ReadFull(b, buf); err != nil || string(buf) != tt.peerReads {
					t.Fatalf("peer reads %q, %v, want %q", buf, err, tt.peerReads)
				}
			}
			if tt.peerRead != nil {
				wantRead(t, b, "", tt.peerRead)
			}
			if tt.peerWrite == nil {
				mustWrite(t, b, "x")
			} else {
				wantWriteErr(t, b, tt.peerWrite)
			}
		})
	}
}

func TestPairAfterClose(t *testing.T) {
	a, _ := faultconn.Pair(0)
	if err := a.Close(); err != nil {
		t.Fatalf("Close = %v", err)
	}
	for name, call := range map[string]func() error{
		"Close":            a.Close,
		"Reset":            a.Reset,
		"CloseWrite":       a.CloseWrite,
		"CloseRead":        a.CloseRead,
		"SetDeadline":      func() error { return a.SetDeadline(time.Time{}) },
		"SetReadDeadline":  func() error { return a.SetReadDeadline(time.Time{}) },
		"SetWriteDeadline": func() error { return a.SetWriteDeadline(time.Time{}) },
	} {
		if err := call(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s after Close = %v, want net.ErrClosed", name, err)
		}
	}
}

func TestPairWriteBlocksAtCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := faultconn.Pair(10)
		done := make(chan error, 1)
		go func() {
			_, err := a.Write(bytes.Repeat([]byte("x"), 25))
			done <- err
		}()
		buf := make([]byte, 100)
		for _, want := range []int{10, 10, 5} {
			synctest.Wait()
			if n, err := b.Read(buf); n != want || err != nil {
				t.Fatalf("Read = %d, %v, want %d", n, err, want)
			}
		}
		if err := <-done; err != nil {
			t.Fatalf("Write = %v", err)
		}
	})
}

func TestPairDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := faultconn.Pair(10)
		start := time.Now()
		a.SetReadDeadline(start.Add(time.Second))
		a.SetWriteDeadline(start.Add(2 * time.Second))

		wantRead(t, a, "", os.ErrDeadlineExceeded)
		n, err := a.Write(make([]byte, 25))
		if n != 10 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write past the deadline = %d, %v, want 10 and a timeout", n, err)
		}
		if waited := time.Since(start); waited != 2*time.Second {
			t.Fatalf("waited %v, want 2s", waited)
		}

		// A new deadline revives the end, and a Close wakes what then waits.
		a.SetDeadline(time.Time{})
		b.Write([]byte("again"))
		wantRead(t, a, "again", nil)
		go func() {
			time.Sleep(time.Hour)
			a.Close()
		}()
		wantRead(t, a, "", net.ErrClosed)
	})
}

func TestPairConcurrentWritesAreWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := faultconn.Pair(7)
		var writers sync.WaitGroup
		for _, letter := range []string{"a", "b", "c", "d"} {
			writers.Go(func() {
				for range 10 {
					a.Write(bytes.Repeat([]byte(letter), 30))
				}
			})
		}
		go func() { writers.Wait(); a.CloseWrite() }()
		got, err := io.ReadAll(b)
		if len(got) != 4*10*30 || err != nil {
			t.Fatalf("ReadAll = %d bytes, %v, want %d", len(got), err, 4*10*30)
		}
		for i, c := range got {
			if c != got[i-i%30] {
				t.Fatalf("byte %d is %q inside a write of %q", i, c, got[i-i%30])
			}
		}
	})
}
