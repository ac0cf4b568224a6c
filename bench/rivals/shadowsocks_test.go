package rivals

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/sagernet/sing-shadowsocks/shadowaead"
	"github.com/sagernet/sing-shadowsocks/shadowaead_2022"
	"github.com/sagernet/sing/common/buf"
	M "github.com/sagernet/sing/common/metadata"
	N "github.com/sagernet/sing/common/network"

	"github.com/headrace-go/headrace/aead"
)

// This file lets sing-shadowsocks talk with package aead: what one writes the
// other reads, as streams and as datagrams, in both editions of Shadowsocks.

var singSuites = []struct {
	method string
	suite  aead.Suite
}{
	{"aes-128-gcm", aead.AES128GCM},
	{"aes-256-gcm", aead.AES256GCM},
	{"chacha20-ietf-poly1305", aead.ChaCha20Poly1305},
}

var singSuites22 = map[string]aead.Suite{
	"2022-blake3-aes-128-gcm": aead.AES128GCM, "2022-blake3-aes-256-gcm": aead.AES256GCM,
	"2022-blake3-chacha20-poly1305": aead.ChaCha20Poly1305,
}

var singDestination = M.ParseSocksaddrHostPort("192.0.2.1", 443)

// singAddress is that destination on the wire: type, address, port.
var singAddress = []byte{1, 192, 0, 2, 1, 443 >> 8, 443 & 255}

// subkey04 derives keys as SIP004 has it.
func subkey04(suite aead.Suite, key []byte) func(salt []byte) (cipher.AEAD, error) {
	return func(salt []byte) (cipher.AEAD, error) {
		sub, err := hkdf.Key(sha1.New, key, salt, "ss-subkey", suite.KeySize())
		if err != nil {
			return nil, err
		}
		return aead.New(suite, sub)
	}
}

// subkey22 derives keys as SIP022 has it, by sing's own function.
func subkey22(suite aead.Suite, key []byte) func(salt []byte) (cipher.AEAD, error) {
	return func(salt []byte) (cipher.AEAD, error) {
		return aead.New(suite, shadowaead_2022.SessionKey(key, salt, suite.KeySize()))
	}
}

func randomSalt(suite aead.Suite) []byte {
	salt := make([]byte, suite.KeySize())
	_, _ = rand.Read(salt)
	return salt
}

func randomKey(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// A subkey derives a key from a salt.
type subkey = func(salt []byte) (cipher.AEAD, error)

func sealer(salt []byte, derive subkey) ([]byte, *aead.Sealer, error) {
	a, err := derive(salt)
	if err != nil {
		return nil, nil, err
	}
	s, err := aead.NewSealer(a, aead.LittleEndian(0))
	return salt, s, err
}

func opener(salt []byte, derive subkey) (*aead.Opener, error) {
	a, err := derive(salt)
	if err != nil {
		return nil, err
	}
	return aead.NewOpener(a, aead.LittleEndian(0))
}

// open22 opens the first record of SIP022, a header that ends with the length of
// the second, which has none of its own.
func open22(prefix []byte, saltSize int, derive subkey) (*aead.Opener, []byte, error) {
	o, err := opener(prefix[:saltSize], derive)
	if err != nil {
		return nil, nil, err
	}
	header, err := o.Open(nil, prefix[saltSize:], nil)
	if err != nil {
		return nil, nil, err
	}
	o.Headless(int(binary.BigEndian.Uint16(header[len(header)-2:])))
	return o, header, nil
}

// serve04 is the server's end of SIP004.
func serve04(raw net.Conn, suite aead.Suite, derive subkey) (*aead.ChunkConn, error) {
	return aead.NewChunkConn(raw, aead.ChunkConfig{
		PrefixSize: suite.KeySize(),
		Open: func(salt []byte) (*aead.Opener, error) {
			return opener(salt, derive)
		},
		Seal: func() ([]byte, *aead.Sealer, error) { return sealer(randomSalt(suite), derive) },
	})
}

// serve22 is the server's end of SIP022, whose first records have headers in
// place of a sealed length.
func serve22(raw net.Conn, suite aead.Suite, derive subkey) (*aead.ChunkConn, error) {
	saltSize := suite.KeySize()
	const fixed = 1 + 8 + 2
	var requestSalt []byte
	return aead.NewChunkConn(raw, aead.ChunkConfig{
		MaxPayload: 0xFFFF,
		PrefixSize: saltSize + fixed + aead.TagSize,
		Open: func(prefix []byte) (*aead.Opener, error) {
			requestSalt = bytes.Clone(prefix[:saltSize])
			o, header, err := open22(prefix, saltSize, derive)
			if err == nil && header[0] != shadowaead_2022.HeaderTypeClient {
				err = errors.New("not a request")
			}
			return o, err
		},
		Seal: func() ([]byte, *aead.Sealer, error) { return sealer(randomSalt(suite), derive) },
		First: func(length int) ([]byte, error) {
			header := binary.BigEndian.AppendUint64([]byte{shadowaead_2022.HeaderTypeServer}, uint64(time.Now().Unix()))
			header = append(header, requestSalt...)
			return binary.BigEndian.AppendUint16(header, uint16(length)), nil
		},
	})
}

// TestSingStreams: sing's client writes what our server reads, and the
// reverse: an echo of 1 MiB in writes of many sizes.
func TestSingStreams(t *testing.T) {
	for _, tt := range singSuites {
		key := randomKey(t, tt.suite.KeySize())
		method, err := shadowaead.New(tt.method, key, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Run("SIP004/"+tt.method, func(t *testing.T) {
			near, far := loopbackPair(t)
			server, err := serve04(far, tt.suite, subkey04(tt.suite, key))
			if err != nil {
				t.Fatal(err)
			}
			singEcho(t, method.DialEarlyConn(near, singDestination), near, server, false)
		})
	}
	for name, suite := range singSuites22 {
		key := randomKey(t, suite.KeySize())
		method, err := shadowaead_2022.New(name, [][]byte{key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Run("SIP022/"+name, func(t *testing.T) {
			near, far := loopbackPair(t)
			server, err := serve22(far, suite, subkey22(suite, key))
			if err != nil {
				t.Fatal(err)
			}
			singEcho(t, method.DialEarlyConn(near, singDestination), near, server, true)
		})
	}
}

func loopbackPair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	near, err = net.DialTCP("tcp", nil, ln.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	if far, err = ln.AcceptTCP(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// singEcho has server send back what it is sent, and compares.
func singEcho(t *testing.T, client net.Conn, raw *net.TCPConn, server *aead.ChunkConn, padded bool) {
	data := randomKey(t, 1<<20)
	// sing's client notes what it has sent only after sending it: a reader
	// that ran at the same time could find an answer to nothing.
	if _, err := client.Write(data[:1]); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := readRequest(server, padded); err != nil {
			t.Error(err)
		}
		if _, err := io.Copy(server, server); err != nil {
			t.Error(err)
		}
		if err := server.CloseWrite(); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if err := writeMany(client, data[1:]); err != nil {
			t.Error(err)
			return
		}
		if err := raw.CloseWrite(); err != nil {
			t.Error(err)
		}
	})
	wantEcho(t, client, data)
	wg.Wait()
}

// writeMany writes data in writes of many sizes.
func writeMany(w io.Writer, data []byte) error {
	for n := 2; len(data) > 0; n = (n*3 + 1) % 70000 {
		k := min(max(n, 1), len(data))
		if _, err := w.Write(data[:k]); err != nil {
			return err
		}
		data = data[k:]
	}
	return nil
}

// wantEcho reads data and the end behind it.
func wantEcho(t *testing.T, r io.Reader, data []byte) {
	t.Helper()
	got := make([]byte, len(data))
	if _, err := io.ReadFull(r, got); err != nil {
		t.Error(err)
	} else if !bytes.Equal(got, data) {
		t.Error("the echo differs")
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("behind the echo: %d, %v", n, err)
	}
}

// readRequest reads the address, and the padding if there is some.
func readRequest(r io.Reader, padded bool) error {
	got := make([]byte, len(singAddress))
	if _, err := io.ReadFull(r, got); err != nil {
		return err
	}
	if !bytes.Equal(got, singAddress) {
		return fmt.Errorf("address %x, want %x", got, singAddress)
	}
	if !padded {
		return nil
	}
	var n uint16
	if err := binary.Read(r, binary.BigEndian, &n); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, r, int64(n))
	return err
}

// A datagramPair is a net.Conn that hands datagrams over in memory.
type datagramPair struct {
	net.Conn
	sent, received chan []byte
}

func newDatagramPair() *datagramPair {
	return &datagramPair{sent: make(chan []byte, 1), received: make(chan []byte, 1)}
}

func (d *datagramPair) Write(p []byte) (int, error) {
	d.sent <- bytes.Clone(p)
	return len(p), nil
}

func (d *datagramPair) Read(p []byte) (int, error) { return copy(p, <-d.received), nil }

// singSend has sing's client send a payload, and returns the datagram.
func singSend(t *testing.T, d *datagramPair, client N.NetPacketConn, payload []byte) []byte {
	t.Helper()
	b := buf.NewSize(2048 + len(payload))
	b.Resize(1024, 0)
	if _, err := b.Write(payload); err != nil {
		t.Fatal(err)
	}
	if err := client.WritePacket(b, singDestination); err != nil {
		t.Fatal(err)
	}
	return <-d.sent
}

// singReceive hands sing's client a datagram, and returns what it reads.
func singReceive(t *testing.T, d *datagramPair, client N.NetPacketConn, packet []byte) []byte {
	t.Helper()
	d.received <- packet
	b := buf.NewSize(4096)
	defer b.Release()
	if _, err := client.ReadPacket(b); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Bytes())
}

func TestSingDatagrams(t *testing.T) {
	for _, tt := range singSuites {
		t.Run("SIP004/"+tt.method, func(t *testing.T) {
			key := randomKey(t, tt.suite.KeySize())
			method, err := shadowaead.New(tt.method, key, "")
			if err != nil {
				t.Fatal(err)
			}
			packets, err := aead.NewSaltedPackets(tt.suite.KeySize(), subkey04(tt.suite, key))
			if err != nil {
				t.Fatal(err)
			}
			d := newDatagramPair()
			client := method.DialPacketConn(d)
			for _, n := range []int{0, 1, 1300} {
				payload := randomKey(t, n)
				want := append(bytes.Clone(singAddress), payload...)
				got, err := packets.Open(nil, singSend(t, d, client, payload))
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("sing's datagram of %d bytes opens as %x, %v", n, got, err)
				}
				packet, err := packets.Seal(nil, want)
				if err != nil {
					t.Fatal(err)
				}
				if got := singReceive(t, d, client, packet); !bytes.Equal(got, payload) {
					t.Fatalf("sing reads %x, want %x", got, payload)
				}
			}
		})
	}
	for name, suite := range map[string]aead.Suite{
		"2022-blake3-aes-128-gcm": aead.AES128GCM, "2022-blake3-aes-256-gcm": aead.AES256GCM,
	} {
		t.Run("SIP022/"+name, func(t *testing.T) { singSessions(t, name, suite) })
	}
	t.Run("SIP022/2022-blake3-chacha20-poly1305", singRandomNonces)
}

// body22 is a datagram's plaintext from a client, without session and packet.
func checkBody22(t *testing.T, body, payload []byte) {
	t.Helper()
	padding := int(binary.BigEndian.Uint16(body[9:]))
	rest := body[11+padding:]
	if want := append(bytes.Clone(singAddress), payload...); body[0] != 0 || !bytes.Equal(rest, want) {
		t.Fatalf("datagram of type %d holds %x, want %x", body[0], rest, want)
	}
}

// answer22 is a datagram's plaintext to a client.
func answer22(session uint64, payload []byte) []byte {
	body := binary.BigEndian.AppendUint64([]byte{shadowaead_2022.HeaderTypeServer}, uint64(time.Now().Unix()))
	body = binary.BigEndian.AppendUint64(body, session)
	body = append(body, 0, 0) // no padding
	body = append(body, singAddress...)
	return append(body, payload...)
}

func singSessions(t *testing.T, name string, suite aead.Suite) {
	key := randomKey(t, suite.KeySize())
	method, err := shadowaead_2022.New(name, [][]byte{key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	sessionAEAD := func(session uint64) cipher.AEAD {
		a, err := subkey22(suite, key)(binary.BigEndian.AppendUint64(nil, session))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	o, err := aead.NewPacketOpener(block)
	if err != nil {
		t.Fatal(err)
	}
	const own = 0x0123456789ABCDEF
	s, err := aead.NewPacketSealer(block, sessionAEAD(own), own)
	if err != nil {
		t.Fatal(err)
	}
	d := newDatagramPair()
	client := method.DialPacketConn(d)
	var window aead.ReplayWindow
	for _, n := range []int{1, 500, 1300} {
		payload := randomKey(t, n)
		packet := singSend(t, d, client, payload)
		session, number, err := o.Header(packet)
		if err != nil {
			t.Fatal(err)
		}
		body, err := o.Open(sessionAEAD(session), nil, packet)
		if err != nil || !window.Accept(number) {
			t.Fatalf("sing's datagram %d of %d bytes: %v", number, n, err)
		}
		checkBody22(t, body, payload)
		packet, err = s.Seal(nil, answer22(session, payload))
		if err != nil {
			t.Fatal(err)
		}
		if got := singReceive(t, d, client, packet); !bytes.Equal(got, payload) {
			t.Fatalf("sing reads %x, want %x", got, payload)
		}
	}
}

func singRandomNonces(t *testing.T) {
	key := randomKey(t, 32)
	method, err := shadowaead_2022.New("2022-blake3-chacha20-poly1305", [][]byte{key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := aead.New(aead.XChaCha20Poly1305, key)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := aead.NewRandomPackets(a)
	if err != nil {
		t.Fatal(err)
	}
	d := newDatagramPair()
	client := method.DialPacketConn(d)
	for i, n := range []int{1, 500, 1300} {
		payload := randomKey(t, n)
		body, err := packets.Open(nil, singSend(t, d, client, payload))
		if err != nil {
			t.Fatal(err)
		}
		session := binary.BigEndian.Uint64(body)
		checkBody22(t, body[16:], payload)
		head := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, 77), uint64(i))
		if got := singReceive(t, d, client, packets.Seal(nil, append(head, answer22(session, payload)...))); !bytes.Equal(got, payload) {
			t.Fatalf("sing reads %x, want %x", got, payload)
		}
	}
}
