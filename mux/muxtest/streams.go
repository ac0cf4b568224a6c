package muxtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/headrace-go/headrace/mux"
)

func testEcho(t *testing.T, s *sides) {
	s.serve()
	var group sync.WaitGroup
	for _, size := range []int{0, 1, 1000, 16384, 1 << 20} {
		group.Go(func() {
			if err := echo(s.opener, data(size)); err != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
		})
	}
	group.Wait()
}

// echo sends want over a stream of its own, and compares what comes back.
func echo(opener mux.Session, want []byte) error {
	st, err := opener.Open(context.Background())
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := st.Write(want)
		sent <- errors.Join(err, st.CloseWrite())
	}()
	got, err := io.ReadAll(st)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%d bytes came back, want other %d", len(got), len(want))
	}
	return errors.Join(err, <-sent, st.Close())
}

func testAccepterSpeaksFirst(_ *testing.T, s *sides) {
	a := s.open()
	s.group.Go(func() {
		b, err := s.accepter.Accept(context.Background())
		if err != nil {
			return // which the Read below reports
		}
		b.Write([]byte("220 ready"))
		b.Close()
	})
	s.wantEOF(a, []byte("220 ready"))
	s.close(a)
}

func testCloseWriteShows(_ *testing.T, s *sides) {
	a := s.open()
	s.closeWrite(a)
	b := s.accept()
	s.wantEOF(b, nil)
	want := data(5000)
	s.write(b, want)
	s.close(b)
	s.wantEOF(a, want)
	s.close(a)
}

func testHalfCloseByOpener(t *testing.T, s *sides) {
	a, b := s.stream()
	s.halfClose(a, b)
}

func testHalfCloseByAccepter(t *testing.T, s *sides) {
	a, b := s.stream()
	s.halfClose(b, a)
}

// halfClose ends the direction from a to b, and then uses the other one.
func (s *sides) halfClose(a, b mux.Stream) {
	s.t.Helper()
	first, second := data(100_000), data(1_000_000)
	s.group.Go(func() {
		a.Write(first)
		a.CloseWrite()
	})
	s.wantEOF(b, first)
	s.group.Go(func() {
		b.Write(second)
		b.CloseWrite()
	})
	s.wantEOF(a, second)
	s.close(a, b)
	s.working()
}

func testWriteAfterCloseWrite(t *testing.T, s *sides) {
	a, b := s.stream()
	s.closeWrite(a)
	if n, err := a.Write([]byte("x")); n != 0 || !errors.Is(err, mux.ErrWriteClosed) {
		t.Errorf("Write after CloseWrite = %d, %v, want 0, ErrWriteClosed", n, err)
	}
	s.wantEOF(b, nil)
	s.close(b)
	s.wantEOF(a, nil)
	s.close(a)
	for name, call := range map[string]func() error{
		"Read":        func() error { _, err := a.Read(make([]byte, 1)); return err },
		"Write":       func() error { _, err := a.Write([]byte("x")); return err },
		"CloseWrite":  a.CloseWrite,
		"SetDeadline": func() error { return a.SetDeadline(time.Time{}) },
	} {
		if err := call(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s after Close: %v, want net.ErrClosed", name, err)
		}
	}
}

func testBytesBeforeCloseArrive(_ *testing.T, s *sides) {
	a, b := s.stream()
	want := data(300_000)
	s.group.Go(func() {
		a.Write(want)
		a.Close()
	})
	s.wantEOF(b, want)
	s.close(b)
}

// testCloseStopsPeer closes a stream whose peer sends without end.
func testCloseStopsPeer(t *testing.T, s *sides) {
	a, b := s.stream()
	stopped := make(chan error, 1)
	go func() {
		for {
			if _, err := b.Write(data(10_000)); err != nil {
				stopped <- err
				return
			}
		}
	}()
	s.read(a, 20_000)
	s.close(a)
	if err := <-stopped; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer's Write: %v, want ECONNRESET", err)
	}
	s.close(b)
	s.working()
}

func testCloseUnblocks(t *testing.T, s *sides) {
	a, _ := s.stream()
	blocked := s.block(a)
	s.close(a)
	for range 2 {
		if err := <-blocked; !errors.Is(err, net.ErrClosed) {
			t.Errorf("blocked call: %v, want net.ErrClosed", err)
		}
	}
	s.working()
}

// block has a Read and a Write wait on st, and returns what they return. The
// peer must not read.
func (s *sides) block(st mux.Stream) <-chan error {
	results := make(chan error, 2)
	go func() {
		_, err := st.Read(make([]byte, 1))
		results <- err
	}()
	// What the peer does not read is accepted up to some bound: when nothing
	// moves for a while, that is reached.
	filled := make(chan struct{})
	go func() {
		p := data(1 << 20)
		for {
			st.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
			n, err := st.Write(p)
			if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				close(filled)
				results <- err
				return
			}
		}
		st.SetWriteDeadline(time.Time{})
		close(filled)
		_, err := st.Write(p)
		results <- err
	}()
	<-filled
	return results
}

func testCloseReadDrops(t *testing.T, s *sides) {
	a, b := s.stream()
	s.write(b, data(1000))
	if err := a.CloseRead(); err != nil {
		t.Fatalf("CloseRead: %v", err)
	}
	if n, err := a.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read after CloseRead = %d, %v, want 0, io.EOF", n, err)
	}
	want := data(200_000)
	s.group.Go(func() {
		a.Write(want)
		a.CloseWrite()
	})
	s.wantEOF(b, want)
	s.close(a, b)
	s.working()
}

func testConcurrentWrites(t *testing.T, s *sides) {
	a, b := s.stream()
	const writers, size = 8, 40_000
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			if n, err := a.Write(bytes.Repeat([]byte{byte(i)}, size)); n != size || err != nil {
				t.Errorf("Write = %d, %v", n, err)
			}
		})
	}
	go func() {
		group.Wait()
		a.CloseWrite()
	}()
	got, err := io.ReadAll(b)
	if err != nil || len(got) != writers*size {
		t.Fatalf("got %d bytes, %v, want %d", len(got), err, writers*size)
	}
	for len(got) > 0 {
		if !bytes.Equal(got[:size], bytes.Repeat(got[:1], size)) {
			t.Fatal("two writes were mixed")
		}
		got = got[size:]
	}
}

const testCode = mux.ConnectFailed

func testResetByOpener(t *testing.T, s *sides) {
	a, b := s.stream()
	s.reset(a, b)
}

func testResetByAccepter(t *testing.T, s *sides) {
	a, b := s.stream()
	s.reset(b, a)
}

func (s *sides) reset(a, b mux.Stream) {
	s.t.Helper()
	other, peer := s.stream()
	if err := a.Reset(testCode); err != nil {
		s.t.Fatalf("Reset: %v", err)
	}
	_, err := b.Read(make([]byte, 1))
	s.wantReset("the peer's Read", err, testCode, true)
	if !errors.Is(err, syscall.ECONNRESET) {
		s.t.Errorf("%v does not match ECONNRESET", err)
	}
	_, err = b.Write([]byte("x"))
	s.wantReset("the peer's Write", err, testCode, true)
	_, err = a.Read(make([]byte, 1))
	s.wantReset("Read", err, testCode, false)
	_, err = a.Write([]byte("x"))
	s.wantReset("Write", err, testCode, false)
	s.close(a, b)

	s.write(other, []byte("unharmed"))
	if got := s.read(peer, 8); string(got) != "unharmed" {
		s.t.Errorf("another stream carries %q", got)
	}
	s.close(other, peer)
}

func testResetUnblocks(t *testing.T, s *sides) {
	a, b := s.stream()
	mine, theirs := s.block(a), make(chan error, 1)
	go func() {
		// It gets what is there, and then the reset.
		_, err := io.Copy(io.Discard, b)
		theirs <- err
	}()
	a.Reset(testCode)
	for range 2 {
		s.wantReset("blocked call", <-mine, testCode, false)
	}
	s.wantReset("the peer's Read", <-theirs, testCode, true)
	s.working()
}

// testResetCode: a code is carried as it is, or refused.
func testResetCode(t *testing.T, s *sides) {
	a, b := s.stream()
	const large mux.Code = 1<<31 + 12345
	if err := a.Reset(large); err != nil {
		t.Fatalf("Reset with %v: %v", large, err)
	}
	_, err := b.Read(make([]byte, 1))
	s.wantReset("the peer's Read", err, large, true)
	a, _ = s.stream()
	if err := a.Reset(1 << 63); err == nil {
		t.Error("Reset with a code of 64 bits succeeded")
	}
}

func testReadDeadline(t *testing.T, s *sides) {
	a, b := s.stream()
	a.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("Read: %v, want os.ErrDeadlineExceeded", err)
	}
	s.write(b, []byte("late"))
	a.SetReadDeadline(time.Time{})
	if got := s.read(a, 4); string(got) != "late" {
		t.Errorf("after the deadline: %q", got)
	}
}

// testWriteDeadline lets writes fail half-way, and checks that what they have
// counted is what arrives.
func testWriteDeadline(t *testing.T, s *sides) {
	a, b := s.stream()
	want := data(8 << 20)
	sent := 0
	for expired := 0; expired < 3; {
		a.SetWriteDeadline(time.Now().Add(5 * time.Millisecond))
		n, err := a.Write(want[sent:])
		sent += n
		if err == nil {
			t.Fatal("nobody reads, and all was accepted")
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write: %v, want os.ErrDeadlineExceeded", err)
		}
		expired++
	}
	a.SetWriteDeadline(time.Time{})
	s.group.Go(func() {
		a.Write(want[sent:])
		a.CloseWrite()
	})
	s.wantEOF(b, want)
}

func testManyStreams(t *testing.T, s *sides) {
	const streams = 1000
	s.serve()
	open := make([]mux.Stream, streams)
	for i := range open {
		open[i] = s.open()
		s.write(open[i], []byte(fmt.Sprintf("%6d", i)))
	}
	for i, st := range open {
		if got := string(s.read(st, 6)); got != fmt.Sprintf("%6d", i) {
			t.Fatalf("stream %d: got %q", i, got)
		}
	}
	var group sync.WaitGroup
	for _, st := range open {
		group.Go(func() {
			st.CloseWrite()
			if rest, err := io.ReadAll(st); len(rest) > 0 || err != nil {
				t.Errorf("%d bytes more, %v", len(rest), err)
			}
			st.Close()
		})
	}
	group.Wait()
	// Places are given back: as many more can be opened.
	for i := range streams {
		if err := echo(s.opener, data(i)); err != nil {
			t.Fatalf("stream %d of the second thousand: %v", i, err)
		}
	}
}

func testIdleStreams(t *testing.T, s *sides) {
	s.stream()
	before, _ := goroutines()
	const streams = 100
	for range streams {
		s.stream()
	}
	if after, list := goroutines(); after > before+streams/2 {
		t.Errorf("%d idle streams have %d goroutines:\n%s", streams, after-before, list)
	}
}

// goroutines counts exactly, which runtime.NumGoroutine does not while others
// come and go.
func goroutines() (int, []byte) {
	list := make([]byte, 4<<20)
	list = list[:runtime.Stack(list, true)]
	return bytes.Count(list, []byte("\n\ngoroutine ")) + 1, list
}

// testSlowReader: a stream that nobody reads does not keep others from moving,
// in either direction.
func testSlowReader(t *testing.T, s *sides) {
	a, b := s.stream()
	upward, downward := s.block(a), s.block(b)
	for range 3 {
		x, y := s.stream()
		want := data(2 << 20)
		s.group.Go(func() {
			x.Write(want)
			x.CloseWrite()
		})
		s.wantEOF(y, want)
		s.group.Go(func() {
			y.Write(want)
			y.CloseWrite()
		})
		s.wantEOF(x, want)
		s.close(x, y)
	}
	a.Reset(mux.Cancel)
	for range 2 {
		<-upward
		<-downward
	}
}
