package readiness_test

import (
	"io"
	"net"
	"testing"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/peel"
	"github.com/headrace-go/headrace/internal/readiness"
	"github.com/headrace-go/headrace/internal/vec"
)

func room(t testing.TB, c net.Conn) (*readiness.Room, *vec.Writer) {
	t.Helper()
	p, ok := peel.Stream(c)
	if !ok {
		t.Fatalf("no socket under a %T", c)
	}
	return readiness.NewRoom(p), vec.NewWriter(p)
}

// fill writes until the socket takes no more.
func fill(t testing.TB, w *vec.Writer) (total int64) {
	t.Helper()
	b := [][]byte{make([]byte, 64<<10)}
	for {
		n, err := w.TryWritev(b)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return total
		}
		total += n
	}
}

// TestRoom: a full socket has none until its peer reads, and waiting for that
// never misses it.
func TestRoom(t *testing.T) {
	near, far := faultconn.Sockets(t, "tcp")
	r, w := room(t, near)
	if r.Wait(); !r.Free() {
		t.Fatal("a new socket has no room")
	}
	for range 50 {
		n := fill(t, w)
		if r.Free() {
			continue // what was on its way has arrived
		}
		read := make(chan error, 1)
		go func() {
			_, err := io.CopyN(io.Discard, far, n)
			read <- err
		}()
		r.Wait()
		if err := <-read; err != nil {
			t.Fatal(err)
		}
	}
}

// TestRoomOfTheDead: there is nothing to wait for on a socket that is closed, or
// whose peer has reset it.
func TestRoomOfTheDead(t *testing.T) {
	near, far := faultconn.Sockets(t, "tcp")
	r, w := room(t, near)
	fill(t, w)
	waited := make(chan struct{})
	go func() {
		r.Wait()
		close(waited)
	}()
	if err := far.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = far.Close()
	<-waited
	_ = near.Close()
	if r.Wait(); !r.Free() {
		t.Error("a closed socket is said to be full")
	}
}

func TestRoomAllocs(t *testing.T) {
	near, _ := faultconn.Sockets(t, "tcp")
	r, _ := room(t, near)
	if n := testing.AllocsPerRun(100, func() { r.Free(); r.Wait() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
