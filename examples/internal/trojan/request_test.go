package trojan_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"github.com/headrace-go/headrace/examples/internal/socks"
	"github.com/headrace-go/headrace/examples/internal/trojan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var dests = []socks.Addr{
	{Name: "example.org", Port: 443},
	{IP: netip.MustParseAddr("192.0.2.1"), Port: 80},
	{IP: netip.MustParseAddr("2001:db8::1"), Port: 53},
	{Name: strings.Repeat("x", 255), Port: 65535},
}

// TestNewKey: sha224sum of "password".
func TestNewKey(t *testing.T) {
	const want = "d63dc919e201d7bc4c825630d2cf25fdc93d4b2f0d46706d29038d01"
	if k := trojan.NewKey("password"); string(k[:]) != want {
		t.Errorf("NewKey = %s, want %s", k, want)
	}
}

func request(t testing.TB, key trojan.Key, command trojan.Command, dest socks.Addr, first string) []byte {
	t.Helper()
	var sent bytes.Buffer
	if err := trojan.Request(&sent, key, command, dest, []byte(first)); err != nil {
		t.Fatal(err)
	}
	return sent.Bytes()
}

// TestRequestOnTheWire: the protocol's own picture of it.
func TestRequestOnTheWire(t *testing.T) {
	got := request(t, trojan.NewKey("password"), trojan.Connect, socks.Addr{Name: "a.b", Port: 0x0102}, "payload")
	const want = "d63dc919e201d7bc4c825630d2cf25fdc93d4b2f0d46706d29038d01\r\n\x01\x03\x03a.b\x01\x02\r\npayload"
	if string(got) != want {
		t.Errorf("Request sends %q, want %q", got, want)
	}
}

func TestAcceptReadsWhatRequestSends(t *testing.T) {
	key := trojan.NewKey("sesame")
	for _, dest := range dests {
		for _, command := range []trojan.Command{trojan.Connect, trojan.Associate} {
			for _, pieces := range []func(io.Reader) io.Reader{
				func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader,
			} {
				sent := bytes.NewReader(request(t, key, command, dest, "rest"))
				r := pieces(sent)
				c, d, err := trojan.Accept(r, key)
				if c != command || d != dest || err != nil {
					t.Fatalf("Accept = %v, %v, %v, want %v, %v", c, d, err, command, dest)
				}
				if rest, err := io.ReadAll(r); string(rest) != "rest" || err != nil {
					t.Fatalf("behind the request: %q, %v", rest, err)
				}
			}
		}
	}
}

func TestStrangers(t *testing.T) {
	key := trojan.NewKey("sesame")
	good := request(t, key, trojan.Connect, dests[0], "")
	almost := bytes.Clone(good)
	almost[55] ^= 1 // still a hexadecimal digit
	for _, said := range [][]byte{
		[]byte("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"),
		[]byte("\r\n"),
		[]byte("abc"),
		[]byte(strings.Repeat("a", 100)),
		[]byte(strings.Repeat("a", 56) + "\r\n\r\n"),
		almost,
		good[:56],
		append(bytes.Clone(good[:57]), 'x'),
		bytes.ToUpper(good),
	} {
		for _, pieces := range []func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader,
		} {
			r := pieces(bytes.NewReader(said))
			_, _, err := trojan.Accept(r, key)
			stranger, ok := errors.AsType[*trojan.StrangerError](err)
			if !ok {
				t.Errorf("Accept of %q: %v, want a StrangerError", said, err)
				continue
			}
			rest, _ := io.ReadAll(r)
			if got := string(stranger.Read) + string(rest); got != string(said) {
				t.Errorf("of %q these are left: %q and %q", said, stranger.Read, rest)
			}
		}
	}
	if _, _, err := trojan.Accept(bytes.NewReader(nil), key); !errors.Is(err, io.EOF) {
		t.Errorf("Accept of nothing: %v, want EOF", err)
	}
}

// TestNobodyIsMadeToWait: a visitor's first byte that no key has is enough.
func TestNobodyIsMadeToWait(t *testing.T) {
	r := iotest.OneByteReader(io.MultiReader(strings.NewReader("ab\n"), iotest.ErrReader(errors.New("read on"))))
	_, _, err := trojan.Accept(r, trojan.Key{})
	if stranger, ok := errors.AsType[*trojan.StrangerError](err); !ok || string(stranger.Read) != "ab\n" {
		t.Errorf("Accept = %v, want a StrangerError at once", err)
	}
}

func TestMalformedRequests(t *testing.T) {
	key := trojan.NewKey("sesame")
	good := request(t, key, trojan.Connect, dests[1], "")
	change := func(i int, b byte) []byte {
		c := bytes.Clone(good)
		c[i] = b
		return c
	}
	for name, c := range map[string]struct {
		said []byte
		want error
	}{
		"command":  {change(58, 2), trojan.ErrRequest},
		"type":     {change(59, 9), socks.ErrAddrType},
		"line end": {change(len(good)-1, 'x'), trojan.ErrRequest},
	} {
		if _, _, err := trojan.Accept(bytes.NewReader(c.said), key); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for n := 58; n < len(good); n++ {
		_, _, err := trojan.Accept(bytes.NewReader(good[:n]), key)
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the first %d bytes: %v, want an early end", n, err)
		}
	}
}

func FuzzAccept(f *testing.F) {
	key := trojan.NewKey("sesame")
	for _, dest := range dests {
		f.Add(request(f, key, trojan.Connect, dest, "x"))
	}
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		r := bytes.NewReader(said)
		command, dest, err := trojan.Accept(r, key)
		stranger, strange := errors.AsType[*trojan.StrangerError](err)
		switch {
		case strange && !bytes.HasPrefix(said, stranger.Read):
			t.Fatalf("read %q of %q", stranger.Read, said)
		case strange && bytes.HasPrefix(said, append(key[:], "\r\n"...)):
			t.Fatal("who knows the password is no stranger")
		case err == nil:
			again := request(t, key, command, dest, "")
			if !bytes.Equal(again, said[:len(said)-r.Len()]) {
				t.Fatalf("%q was understood as %q", said, again)
			}
		}
	})
}
