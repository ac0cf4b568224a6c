package ss_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha1"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/examples/internal/ss"
)

var datagramMethods = []struct {
	name string
	size int
	aead func(key []byte) (cipher.AEAD, error)
}{
	{"aes-128-gcm", 16, gcm},
	{"aes-256-gcm", 32, gcm},
	{"chacha20-ietf-poly1305", 32, chacha20poly1305.New},
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func newKey(t testing.TB, method, password string) *ss.Key {
	t.Helper()
	key, err := ss.NewKey(method, password)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var datagramAddrs = []socks.Addr{
	{IP: netip.MustParseAddr("192.0.2.1"), Port: 53},
	{IP: netip.MustParseAddr("2001:db8::1"), Port: 443},
	{Name: "example.org", Port: 1},
	{Name: strings.Repeat("n", 255), Port: 65535},
}

func TestDatagramRoundTrip(t *testing.T) {
	for _, m := range datagramMethods {
		key := newKey(t, m.name, "barfoo!")
		for _, a := range datagramAddrs {
			for _, n := range []int{0, 1, 1200, 60000} {
				payload := make([]byte, n)
				rand.Read(payload)
				want := bytes.Clone(payload)
				b, err := key.SealDatagram([]byte("kept"), a, payload, nil)
				if err != nil || !bytes.HasPrefix(b, []byte("kept")) || !bytes.Equal(payload, want) {
					t.Fatalf("%s, %v, %d bytes: %v", m.name, a, n, err)
				}
				b = b[len("kept"):]
				if len(b) > n+ss.MaxDatagramOverhead {
					t.Errorf("%s, %v: %d bytes for %d", m.name, a, len(b), n)
				}
				plain, err := key.OpenToSOCKS(bytes.Clone(b), nil)
				if want := append(socks.AppendHeader(nil, a), want...); err != nil || !bytes.Equal(plain, want) {
					t.Errorf("%s, %v, %d bytes: OpenToSOCKS gives %d, %v", m.name, a, n, len(plain), err)
				}
				from, got, err := key.OpenDatagram(b, nil)
				if err != nil || from != a || !bytes.Equal(got, want) {
					t.Errorf("%s, %v, %d bytes: opened %v, %d bytes, %v", m.name, a, n, from, len(got), err)
				}
			}
		}
	}
}

// The wire form is what crypto/hkdf and the ciphers themselves make of SIP004.
func TestDatagramTwin(t *testing.T) {
	for _, m := range datagramMethods {
		key := newKey(t, m.name, "barfoo!")
		master := ss.PasswordKey("barfoo!", m.size)
		for range 100 {
			b, err := key.SealDatagram(nil, datagramAddrs[0], []byte("payload"), nil)
			if err != nil {
				t.Fatal(err)
			}
			sub, err := hkdf.Key(sha1.New, master, b[:m.size], "ss-subkey", m.size)
			if err != nil {
				t.Fatal(err)
			}
			c, err := m.aead(sub)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := c.Open(nil, make([]byte, 12), b[m.size:], nil)
			if want := append(datagramAddrs[0].Append(nil), "payload"...); err != nil || !bytes.Equal(plain, want) {
				t.Fatalf("%s: %q, %v", m.name, plain, err)
			}
		}
	}
}

func TestDatagramSaltsAreFresh(t *testing.T) {
	key := newKey(t, "aes-256-gcm", "barfoo!")
	seen := make(map[string]bool)
	for range 10_000 {
		b, err := key.SealDatagram(nil, datagramAddrs[0], nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		salt := string(b[:32])
		if seen[salt] || salt == strings.Repeat("\x00", 32) {
			t.Fatalf("salt %x comes again", salt)
		}
		seen[salt] = true
	}
}

// What is altered, cut, somebody else's or here for the second time is refused.
func TestDatagramRefused(t *testing.T) {
	for _, m := range datagramMethods {
		key := newKey(t, m.name, "barfoo!")
		b, err := key.SealDatagram(nil, datagramAddrs[0], []byte("payload"), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 8 * len(b) {
			altered := bytes.Clone(b)
			altered[i/8] ^= 1 << (i % 8)
			if _, _, err := key.OpenDatagram(altered, nil); !errors.Is(err, aead.ErrOpen) {
				t.Fatalf("%s: bit %d altered: %v", m.name, i, err)
			}
		}
		for n := range b {
			_, _, err := key.OpenDatagram(bytes.Clone(b[:n]), nil)
			if want := map[bool]error{true: ss.ErrDatagram, false: aead.ErrOpen}[n < m.size+16]; !errors.Is(err, want) {
				t.Fatalf("%s: %d bytes: %v, want %v", m.name, n, err, want)
			}
		}
		if _, _, err := newKey(t, m.name, "foobar!").OpenDatagram(bytes.Clone(b), nil); !errors.Is(err, aead.ErrOpen) {
			t.Errorf("%s: wrong password: %v", m.name, err)
		}
		var seen ss.Salts
		for i, want := range []error{nil, ss.ErrReplay} {
			if _, _, err := key.OpenDatagram(bytes.Clone(b), &seen); !errors.Is(err, want) {
				t.Errorf("%s: time %d: %v, want %v", m.name, i+1, err, want)
			}
		}
		own, err := key.SealDatagram(nil, datagramAddrs[0], nil, &seen)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := key.OpenDatagram(own, &seen); !errors.Is(err, ss.ErrReplay) {
			t.Errorf("%s: an own datagram: %v, want %v", m.name, err, ss.ErrReplay)
		}
	}
	// Authentic, and yet nonsense: a name of no bytes is an address of 0.0.0.0,
	// so take one with a space.
	key := newKey(t, "aes-256-gcm", "barfoo!")
	b, err := key.SealDatagram(nil, socks.Addr{Name: "a b", Port: 1}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.OpenToSOCKS(bytes.Clone(b), nil); !errors.Is(err, socks.ErrName) {
		t.Errorf("a malformed name: %v, want %v", err, socks.ErrName)
	}
	if _, _, err := key.OpenDatagram(b, nil); !errors.Is(err, socks.ErrName) {
		t.Errorf("a malformed name: %v, want %v", err, socks.ErrName)
	}
}

func FuzzOpenDatagram(f *testing.F) {
	key := newKey(f, "aes-128-gcm", "barfoo!")
	b, err := key.SealDatagram(nil, datagramAddrs[0], []byte("payload"), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, payload, err := key.OpenDatagram(b, nil); err != nil && payload != nil {
			t.Errorf("%d bytes and %v", len(payload), err)
		}
	})
}

// BenchmarkDatagram seals and opens one datagram. impl=hkdf derives its keys by
// crypto/hkdf.
func BenchmarkDatagram(b *testing.B) {
	payload := make([]byte, 1200)
	for _, m := range datagramMethods {
		b.Run("impl=headrace/method="+m.name, func(b *testing.B) {
			key := newKey(b, m.name, "barfoo!")
			dst := make([]byte, 0, 2000)
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				sealed, err := key.SealDatagram(dst, datagramAddrs[0], payload, nil)
				if err != nil {
					b.Fatal(err)
				}
				if _, _, err := key.OpenDatagram(sealed, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("impl=hkdf/method="+m.name, func(b *testing.B) {
			master := ss.PasswordKey("barfoo!", m.size)
			dst := make([]byte, 0, 2000)
			salt := make([]byte, m.size)
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				rand.Read(salt)
				var sealed []byte
				for range 2 {
					sub, err := hkdf.Key(sha1.New, master, salt, "ss-subkey", m.size)
					if err != nil {
						b.Fatal(err)
					}
					c, err := m.aead(sub)
					if err != nil {
						b.Fatal(err)
					}
					if sealed == nil {
						plain := append(datagramAddrs[0].Append(append(dst, salt...)), payload...)
						sealed = c.Seal(plain[:m.size], make([]byte, 12), plain[m.size:], nil)
					} else if _, err := c.Open(sealed[m.size:m.size], make([]byte, 12), sealed[m.size:], nil); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
