package httpconnect_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/headrace-go/headrace/examples/internal/httpconnect"
)

// A dialogue has what a client sends, and keeps what it is told.
type dialogue struct {
	io.Reader
	bytes.Buffer
}

func (d *dialogue) Read(p []byte) (int, error) { return d.Reader.Read(p) }

func TestAccept(t *testing.T) {
	const plain = "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"
	long := "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\nX-Long: " + strings.Repeat("x", 10_000) + "\r\n\r\n"
	secret := "CONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic YTpiOmM=\r\n\r\n" // a, b:c
	check := func(user, password []byte) bool { return string(user) == "a" && string(password) == "b:c" }
	for _, tt := range []struct {
		name, client string
		check        func(user, password []byte) bool
		dest, told   string
		err          error
	}{
		{"plain", plain + "rest", nil, "example.org:443", "", nil},
		{"long head", long + "rest", nil, "example.org:443", "", nil},
		{"password", secret + "rest", check, "[2001:db8::1]:80", "", nil},
		{"no password", plain, check, "", "HTTP/1.1 407 ", httpconnect.ErrAuth},
		{"wrong password", strings.Replace(secret, "YTpi", "YTpj", 1), check, "", "HTTP/1.1 407 ", httpconnect.ErrAuth},
		{"method", "GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n", nil, "", "HTTP/1.1 501 ", httpconnect.ErrMethod},
		{"no port", "CONNECT example.org HTTP/1.1\r\nHost: example.org\r\n\r\n", nil, "", "HTTP/1.1 400 ", httpconnect.ErrRequest},
		{"garbage", "CONNECT\r\n\r\n", nil, "", "HTTP/1.1 400 ", httpconnect.ErrRequest},
		{"endless head", "CONNECT example.org:443 HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 4000), nil, "", "HTTP/1.1 431 ", httpconnect.ErrRequest},
		{"cut", plain[:20], nil, "", "", io.ErrUnexpectedEOF},
	} {
		for pieces, in := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader,
		} {
			sent := strings.NewReader(tt.client[2:])
			d := &dialogue{Reader: in(sent)}
			dest, rest, err := httpconnect.Accept(d, []byte(tt.client[:2]), tt.check)
			if dest != tt.dest || !errors.Is(err, tt.err) {
				t.Errorf("%s in %s: Accept = %q, %v, want %q, %v", tt.name, pieces, dest, err, tt.dest, tt.err)
			}
			if told := d.Buffer.String(); !strings.HasPrefix(told, tt.told) || tt.told == "" && told != "" {
				t.Errorf("%s in %s: the client is told %q, want %q", tt.name, pieces, told, tt.told)
			}
			if err == nil {
				unread, _ := io.ReadAll(sent)
				if got := string(rest) + string(unread); got != "rest" {
					t.Errorf("%s in %s: %q behind the request, want %q", tt.name, pieces, got, "rest")
				}
			}
		}
	}
}

func TestRefuse(t *testing.T) {
	for _, tt := range []struct {
		cause error
		told  string
	}{
		{errors.New("unreachable"), "HTTP/1.1 502 "},
		{os.ErrDeadlineExceeded, "HTTP/1.1 504 "},
	} {
		var w bytes.Buffer
		if err := httpconnect.Refuse(&w, tt.cause); err != tt.cause || !strings.HasPrefix(w.String(), tt.told) {
			t.Errorf("Refuse(%v) = %v, told %q, want %q", tt.cause, err, w.String(), tt.told)
		}
	}
}

func TestLooks(t *testing.T) {
	for begun, want := range map[string]bool{"CO": true, "GE": true, "\x05\x01": false, "\x16\x03": false, "": false} {
		if got := httpconnect.Looks([]byte(begun)); got != want {
			t.Errorf("Looks(%q) = %v, want %v", begun, got, want)
		}
	}
}

// TestReadHeadAllocs: beside a bytes.Buffer, which grows anew for each client.
func TestReadHeadAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("under -race a sync.Pool drops objects at random")
	}
	head := "CONNECT example.org:443 HTTP/1.1\r\nX-Long: " + strings.Repeat("x", 5000) + "\r\n\r\n"
	sent := strings.NewReader("")
	least := func(f func()) float64 {
		n := testing.AllocsPerRun(100, f)
		for range 5 { // a collection may empty a pool in any
			n = min(n, testing.AllocsPerRun(100, f))
		}
		return n
	}
	growable := least(func() {
		sent.Reset(head)
		if err := httpconnect.ReadHead(sent); err != nil {
			t.Fatal(err)
		}
	})
	buffer := least(func() {
		sent.Reset(head)
		var b bytes.Buffer
		if _, err := io.CopyN(&b, sent, int64(len(head))); err != nil {
			t.Fatal(err)
		}
	})
	if growable > 0 || buffer < 3 {
		t.Errorf("a head of 5 KB allocates %g objects, in a bytes.Buffer %g; want none, and some", growable, buffer)
	}
}

func FuzzAccept(f *testing.F) {
	f.Add([]byte("CONNECT example.org:443 HTTP/1.1\r\nHost: a\r\n\r\nrest"))
	f.Add([]byte("CONNECT :0 HTTP/1.1\r\nProxy-Authorization: Basic YTpi\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &dialogue{Reader: bytes.NewReader(b)}
		dest, rest, err := httpconnect.Accept(d, nil, nil)
		if err == nil && (dest == "" || !bytes.HasSuffix(b, rest)) {
			t.Errorf("Accept = %q, %q", dest, rest)
		}
	})
}
