package hysteria2_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/headrace-go/headrace/examples/internal/hysteria2"
	"github.com/headrace-go/headrace/examples/internal/socks"
)

var destinations = []socks.Addr{
	{IP: netip.MustParseAddr("192.0.2.1"), Port: 1},
	{IP: netip.MustParseAddr("2001:db8::1"), Port: 65535},
	{Name: "example.org", Port: 443},
	{Name: strings.Repeat("a", 255), Port: 65535},
}

// TestRequest: what is written is read again, and nothing behind it.
func TestRequest(t *testing.T) {
	for _, dest := range destinations {
		for range 100 { // paddings
			wire := hysteria2.AppendRequest([]byte("kept"), dest)
			r := strings.NewReader(string(wire[4:]) + "data")
			got, err := hysteria2.ReadRequest(iotest.OneByteReader(r))
			if got != dest || err != nil {
				t.Fatalf("ReadRequest = %v, %v, want %v", got, err, dest)
			}
			if rest, _ := io.ReadAll(r); string(rest) != "data" {
				t.Fatalf("%q is left behind the request, want the data", rest)
			}
		}
	}
}

func TestResponse(t *testing.T) {
	for _, refusal := range []error{nil, errors.New("no way"), errors.New(""), errors.New(strings.Repeat("x", 5000))} {
		r := strings.NewReader(string(hysteria2.AppendResponse(nil, refusal)) + "data")
		err := hysteria2.ReadResponse(iotest.OneByteReader(r))
		if refused, ok := errors.AsType[*hysteria2.RefusedError](err); (err != nil) != (refusal != nil) ||
			ok && !strings.HasPrefix(refusal.Error(), refused.Message) {
			t.Errorf("ReadResponse = %v, want %v", err, refusal)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "data" {
			t.Errorf("%q is left behind the response, want the data", rest)
		}
	}
}

func TestMalformed(t *testing.T) {
	request := string(hysteria2.AppendRequest(nil, destinations[2]))
	for name, wire := range map[string]string{
		"nothing":      "",
		"cut":          request[:len(request)-1],
		"other type":   "\x44\x02" + request[2:],
		"no address":   "\x44\x01\x00\x00",
		"long address": "\x44\x01\x41\x06" + strings.Repeat("a", 262) + "\x00",
		"endless":      "\x44\x01\xff\xff\xff\xff\xff\xff\xff\xff",
		"long padding": "\x44\x01\x03a:1\x50\x01" + strings.Repeat("a", 4097),
		"no port":      "\x44\x01\x01a\x00",
		"large port":   "\x44\x01\x07a:65536\x00",
		"control":      "\x44\x01\x04\n:80\x00",
	} {
		if dest, err := hysteria2.ReadRequest(strings.NewReader(wire)); err == nil {
			t.Errorf("%s: ReadRequest = %v", name, dest)
		}
	}
	for name, wire := range map[string]string{
		"nothing":      "",
		"cut":          "\x00\x00\x01",
		"status":       "\x02\x00\x00",
		"long message": "\x01\x48\x01" + strings.Repeat("a", 2049) + "\x00",
	} {
		if err := hysteria2.ReadResponse(strings.NewReader(wire)); !errors.Is(err, hysteria2.ErrResponse) {
			t.Errorf("%s: ReadResponse = %v", name, err)
		}
	}
}

// FuzzRequest: whatever comes, a request that is taken is one that can be
// written again, and reading it takes no more than it is.
func FuzzRequest(f *testing.F) {
	for _, dest := range destinations {
		f.Add(hysteria2.AppendRequest(nil, dest))
	}
	f.Add([]byte("\xc0\x00\x00\x00\x00\x00\x04\x01\x03a:1\x00"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		r := bytes.NewReader(wire)
		dest, err := hysteria2.ReadRequest(r)
		if err != nil {
			return
		}
		if dest.Port == 0 && dest.Name == "" && !dest.IP.IsValid() {
			t.Fatalf("%q: the zero destination", wire)
		}
		again, err := hysteria2.ReadRequest(bytes.NewReader(hysteria2.AppendRequest(nil, dest)))
		if again != dest || err != nil {
			t.Fatalf("%v was written, and read as %v, %v", dest, again, err)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add(hysteria2.AppendResponse(nil, nil))
	f.Add(hysteria2.AppendResponse(nil, errors.New("no")))
	f.Fuzz(func(t *testing.T, wire []byte) {
		err := hysteria2.ReadResponse(bytes.NewReader(wire))
		if err == nil && wire[0] != 0 {
			t.Fatalf("%q is taken for success", wire)
		}
	})
}

// FuzzMessage: a message that is taken is written as it was, but for the length
// of its integers.
func FuzzMessage(f *testing.F) {
	m := hysteria2.Message{Session: 1, Packet: 2, Fragment: 3, Count: 4, Address: []byte("a:1"), Payload: []byte("payload")}
	f.Add(m.Append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, wire []byte) {
		m, err := hysteria2.ParseMessage(wire)
		if err != nil {
			return
		}
		again, err := hysteria2.ParseMessage(m.Append(nil))
		if err != nil || again.Session != m.Session || again.Packet != m.Packet || again.Fragment != m.Fragment ||
			again.Count != m.Count || !bytes.Equal(again.Address, m.Address) || !bytes.Equal(again.Payload, m.Payload) {
			t.Fatalf("%+v was written, and read as %+v, %v", m, again, err)
		}
	})
}
