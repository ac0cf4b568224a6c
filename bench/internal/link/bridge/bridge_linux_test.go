package bridge

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stubDevice returns a device that is one end of a pair of sockets, which keep packets
// apart as a TUN device does, and the other end, for the test to play the kernel on.
func stubDevice(t *testing.T) (*Device, int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	return &Device{fd: fds[0], name: "stub"}, fds[1]
}

func TestBridgeCarriesBothWays(t *testing.T) {
	const packets, delay = 100, 5 * time.Millisecond
	client, clientEnd := stubDevice(t)
	server, serverEnd := stubDevice(t)
	b, err := New(Shape{Rate: 1e9, Delay: delay}, client, server)
	if err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan error)
	go func() { ended <- b.Run(func() { close(ready) }) }()
	<-ready

	results := make(chan error)
	sent := [2][packets]time.Time{}
	for way, ends := range [2][2]int{{clientEnd, serverEnd}, {serverEnd, clientEnd}} {
		go func() {
			frame := make([]byte, headerSize+100)
			for i := range packets {
				binary.NativeEndian.PutUint64(frame[headerSize:], uint64(i))
				sent[way][i] = time.Now()
				if _, err := unix.Write(ends[0], frame); err != nil {
					results <- err
					return
				}
			}
			results <- nil
		}()
	}
	for range 2 {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
	for way, end := range [2]int{serverEnd, clientEnd} {
		got := make([]byte, maxFrame)
		for i := range packets {
			n, err := unix.Read(end, got)
			if err != nil {
				t.Fatal(err)
			}
			if n != headerSize+100 || binary.NativeEndian.Uint64(got[headerSize:]) != uint64(i) {
				t.Fatalf("way %d: packet %d of %d bytes arrived in place of packet %d", way, binary.NativeEndian.Uint64(got[headerSize:]), n, i)
			}
			if took := time.Since(sent[way][i]); took < delay {
				t.Fatalf("way %d: packet %d took %v, the delay is %v", way, i, took, delay)
			}
		}
	}
	r := b.Report()
	if r.Up.Packets != packets || r.Down.Packets != packets || r.Up.Bytes != packets*100 || r.WriteErrors != 0 {
		t.Errorf("Report() = %+v, want %d packets of 100 bytes each way", r, packets)
	}
	b.Stop()
	if err := <-ended; err != nil {
		t.Errorf("Run() = %v after Stop", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestBridgeEndsWithItsDevice(t *testing.T) {
	client, _ := stubDevice(t)
	server, _ := stubDevice(t)
	gone := &Device{fd: client.fd, name: "gone"}
	b, err := New(Shape{}, gone, server)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	// A descriptor that cannot be read stands for a device that was removed.
	if gone.fd, err = unix.Open("/dev/null", unix.O_WRONLY|unix.O_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(gone.fd)
	ended := make(chan error)
	go func() { ended <- b.Run(func() {}) }()
	if err := <-ended; !errors.Is(err, unix.EBADF) {
		t.Errorf("Run() = %v, want EBADF", err)
	}
}
