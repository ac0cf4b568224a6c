package vecio_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/vecio"
)

var tlsVersions = []struct {
	name string
	id   uint16
}{{"1.2", tls.VersionTLS12}, {"1.3", tls.VersionTLS13}}

// eachTLS runs f with every version and with crypto/tls alone on either side,
// c always one end that is layered.
func eachTLS(t *testing.T, f func(t *testing.T, c, peer *tlsEnd)) {
	makers := []struct {
		name string
		make endMaker
	}{{"std", bareEnd}, {"layered", layeredEnd}}
	for _, version := range tlsVersions {
		for _, peer := range makers {
			t.Run(version.name+"/client of "+peer.name, func(t *testing.T) {
				client, server := tcpPair(t, layeredEnd, peer.make, version.id)
				f(t, client, server)
			})
			t.Run(version.name+"/server of "+peer.name, func(t *testing.T) {
				client, server := tcpPair(t, peer.make, layeredEnd, version.id)
				f(t, server, client)
			})
		}
	}
}

// TestLayeredLoneWrites: a write that ends where a record does looks like one
// that goes on. It must arrive all the same, with nothing behind it.
func TestLayeredLoneWrites(t *testing.T) {
	eachTLS(t, func(t *testing.T, c, peer *tlsEnd) {
		buf := make([]byte, 130<<10)
		for k := range 8 {
			for _, n := range []int{16384*(k+1) - 1, 16384 * (k + 1), 16384*(k+1) + 1} {
				for _, d := range [][2]*tlsEnd{{c, peer}, {peer, c}} {
					msg := random(n, uint64(n))
					go d[0].Write(msg)
					if _, err := io.ReadFull(d[1], buf[:n]); err != nil || !bytes.Equal(buf[:n], msg) {
						t.Fatalf("a lone write of %d bytes: %v", n, err)
					}
				}
			}
		}
	})
}

// TestLayeredMovesEveryByte sends both ways at once, by Write and ReadFrom,
// and reads by Read and WriteTo; the end of one direction is not that of the
// other.
func TestLayeredMovesEveryByte(t *testing.T) {
	eachTLS(t, func(t *testing.T, c, peer *tlsEnd) {
		up, down := random(3<<20+5, 1), random(2<<20+7, 2)
		errs := make(chan error, 4)
		go func() { errs <- send(peer.Conn, down) }()
		go func() {
			half := len(up) / 2
			if err := send(noCloseWrite{c.Conn}, up[:half]); err != nil {
				errs <- err
				return
			}
			n, err := c.Conn.(io.ReaderFrom).ReadFrom(bytes.NewReader(up[half:]))
			if err == nil && n != int64(len(up)-half) {
				err = fmt.Errorf("ReadFrom = %d", n)
			}
			errs <- errors.Join(err, c.Conn.(interface{ CloseWrite() error }).CloseWrite())
		}()
		go func() {
			got, err := io.ReadAll(peer)
			if err == nil && !bytes.Equal(got, up) {
				err = fmt.Errorf("the peer read %d bytes that are not the %d sent", len(got), len(up))
			}
			errs <- err
		}()
		got := bytes.NewBuffer(make([]byte, 1<<20))
		if _, err := io.ReadFull(c, got.Bytes()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Conn.(io.WriterTo).WriteTo(got); err != nil || !bytes.Equal(got.Bytes(), down) {
			t.Fatalf("read %d bytes, %v, want the %d sent", got.Len(), err, len(down))
		}
		for range 3 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

// noCloseWrite keeps send from ending the stream.
type noCloseWrite struct{ net.Conn }

func (noCloseWrite) CloseWrite() error { return nil }

// TestLayeredSystemCalls counts what a bulk write costs below crypto/tls,
// which alone makes one system call of each record: 16 here.
func TestLayeredSystemCalls(t *testing.T) {
	c, peer := tcpPair(t, layeredEnd, bareEnd, tls.VersionTLS13)
	before := c.under.Stats().Writes
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.CopyN(io.Discard, peer, 256<<10)
	}()
	if _, err := c.Write(make([]byte, 256<<10)); err != nil {
		t.Fatal(err)
	}
	<-done
	if n := c.under.Stats().Writes - before; n != 6 { // five batches of three, and one record
		t.Errorf("%d writes below for 256 KiB, want 6", n)
	}
}

// TestLayeredSmallFirst looks at the records on the wire.
func TestLayeredSmallFirst(t *testing.T) {
	a, b := faultconn.Sockets(t, "tcp")
	small := func(raw net.Conn, wrap func(net.Conn) *tls.Conn) *tlsEnd {
		under := vecio.Coalesce(raw, vecio.CoalesceConfig{SmallFirst: 50 << 10})
		top := wrap(under)
		return &tlsEnd{Conn: vecio.Layered(top, under), top: top, under: under, raw: raw}
	}
	c, _ := tlsPair(t, a, b, small, bareEnd, tls.VersionTLS13)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(make([]byte, 128<<10))
		sent <- errors.Join(err, c.Close())
	}()
	wire, err := io.ReadAll(b)
	if err := errors.Join(err, <-sent); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for len(wire) > 0 {
		n := int(wire[3])<<8 | int(wire[4])
		sizes = append(sizes, n-17) // less the tag and the type of what is in it
		wire = wire[5+n:]
	}
	// The first 48 KiB are a batch, of which each record is small; the next has
	// one more of them.
	want := slices.Concat(slices.Repeat([]int{4 << 10}, 13), []int{16 << 10, 16 << 10, 12 << 10, 16 << 10, 16 << 10, 2})
	if !slices.Equal(sizes, want) {
		t.Errorf("records of %d, want %d", sizes, want)
	}
}

// TestLayeredOverNoSocket: without a socket below nobody can step, and
// everything else works.
func TestLayeredOverNoSocket(t *testing.T) {
	a, b := faultconn.Pair(0)
	c, peer := tlsPair(t, a, b, layeredEnd, bareEnd, tls.VersionTLS13)
	if _, ok := c.Conn.(vecio.Stepper); ok {
		t.Fatal("Step over a connection that cannot be tried")
	}
	sent := random(1<<20, 1)
	go send(c.Conn, sent)
	if got, err := io.ReadAll(peer); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes of %d arrived, %v", len(got), len(sent), err)
	}
	go send(peer.Conn, sent)
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes of %d arrived, %v", len(got), len(sent), err)
	}
}

// TestLayeredOverPrefixed: a server that has looked at the first bytes.
func TestLayeredOverPrefixed(t *testing.T) {
	for first := range 6 {
		a, b := faultconn.Sockets(t, "tcp")
		serverConfig, clientConfig := tlsConfigs(t, tls.VersionTLS13)
		client := tls.Client(a, clientConfig)
		go client.Write([]byte("hello"))
		head := make([]byte, first)
		if _, err := io.ReadFull(b, head); err != nil {
			t.Fatal(err)
		}
		under := vecio.Coalesce(vecio.Prefixed(b, head), vecio.CoalesceConfig{})
		s, ok := vecio.Layered(tls.Server(under, serverConfig), under).(vecio.Stepper)
		if !ok {
			t.Fatal("no Step over what will be a socket")
		}
		var got bytes.Buffer
		stepUntil(t, s, &got, 5)
		if got.String() != "hello" {
			t.Fatalf("stepped %q", got.String())
		}
		if n, err := s.Step(&got, 1); n != 0 || err != nil || !isDry(t, s, b) {
			t.Errorf("with %d bytes read before: Step = %d, %v, and the socket is not watched", first, n, err)
		}
	}
}
