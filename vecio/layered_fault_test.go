package vecio_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/vecio"
)

// TestLayeredReadDeadline: a deadline in the middle of a record loses nothing.
func TestLayeredReadDeadline(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	hold := &gate{Conn: b}
	c, peer := tlsPair(t, a, hold, layeredEnd, bareEnd, tls.VersionTLS13)
	hold.held = &bytes.Buffer{}
	peer.Write([]byte("0123456789"))
	whole := hold.held.Bytes()
	buf := make([]byte, 20)
	for _, part := range [][]byte{whole[:3], whole[3:9], whole[9:]} {
		c.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
		if n, err := c.Read(buf); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Read = %d, %v, want a missed deadline", n, err)
		}
		b.Write(part)
	}
	c.SetReadDeadline(time.Time{})
	if n, err := c.Read(buf); string(buf[:n]) != "0123456789" || err != nil {
		t.Fatalf("Read = %q, %v", buf[:n], err)
	}
}

// TestLayeredCloseWhileStuck closes while Step waits for its destination and
// Write for its peer.
func TestLayeredCloseWhileStuck(t *testing.T) {
	for _, abort := range []bool{false, true} {
		c, peer := tcpPair(t, layeredEnd, bareEnd, tls.VersionTLS13)
		peer.Write([]byte("data"))
		stuck, release := make(chan struct{}), make(chan struct{})
		stepped := make(chan error, 1)
		go func() {
			var n int64
			var err error
			for n == 0 && err == nil {
				n, err = c.Conn.(vecio.Stepper).Step(writerFunc(func(p []byte) (int, error) {
					close(stuck)
					<-release
					return len(p), nil
				}), 1<<20)
			}
			stepped <- err
		}()
		<-stuck
		wrote := make(chan error, 1)
		go func() {
			_, err := c.Write(make([]byte, 64<<20))
			wrote <- err
		}()
		waitFor(t, peer.raw)
		var err error
		if abort {
			err = c.Conn.(interface{ Abort() error }).Abort()
		} else {
			err = c.Close()
		}
		if err != nil {
			t.Error(err)
		}
		if err := <-wrote; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write: %v, want net.ErrClosed", err)
		}
		close(release)
		if err := <-stepped; err != nil {
			t.Errorf("Step: %v", err)
		}
		if abort {
			if _, err := io.Copy(io.Discard, peer.raw); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("after Abort the peer read %v, want a reset", err)
			}
		}
	}
}

// TestLayeredFaultAtEveryByte breaks the connection below at every byte of a
// few records: what arrives is a beginning of what was sent, and if it is not
// all of it, writer or reader are told.
func TestLayeredFaultAtEveryByte(t *testing.T) {
	sent := random(120, 1)
	const wire = 120 + 3*22 + 24 // three records, close_notify
	for _, kind := range []faultconn.Kind{faultconn.Timeout, faultconn.Reset, faultconn.End} {
		for after := range int64(wire) {
			a, b := faultconn.Pair(0)
			faulty := &latePlan{Conn: a}
			c, peer := tlsPair(t, faulty, b, layeredEnd, bareEnd, tls.VersionTLS13)
			faulty.Conn = faultconn.Wrap(a, faultconn.Plan{
				Write: faultconn.Script{Faults: []faultconn.Fault{{After: after, Kind: kind}}},
			})
			wrote := make(chan error, 1)
			go func() {
				var err error
				for i := 0; i < len(sent) && err == nil; i += 40 {
					_, err = c.Write(sent[i : i+40])
				}
				wrote <- errors.Join(err, c.Close())
			}()
			got, err := io.ReadAll(peer)
			if !bytes.HasPrefix(sent, got) {
				t.Fatalf("%v after %d bytes: other bytes arrived", kind, after)
			}
			if werr := <-wrote; werr == nil && (err != nil || len(got) < len(sent)) {
				t.Fatalf("%v after %d bytes: %d of %d arrived, %v, and the writer knows of nothing", kind, after, len(got), len(sent), err)
			}
			peer.Close()
		}
	}
}

// latePlan is a connection that changes under its user.
type latePlan struct{ net.Conn }
