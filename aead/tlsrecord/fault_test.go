package tlsrecord_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/internal/slab"
)

// conversation is what the fault tests send: records of several sizes, a key
// update, and the end.
func conversation() (content []byte, sizes []int) {
	sizes = []int{1, 40, 0, 300, 5}
	for i, n := range sizes {
		content = append(content, bytes.Repeat([]byte{byte('a' + i)}, n)...)
	}
	return content, sizes
}

func speak(c *tlsrecord.Conn) error {
	content, sizes := conversation()
	for i, n := range sizes {
		p := content[:n]
		for {
			k, err := c.Write(p)
			p = p[k:]
			if err == nil {
				break
			}
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return err
			}
		}
		content = content[n:]
		if i == 2 {
			if err := again(func() error { return c.UpdateKey(true) }); err != nil {
				return err
			}
		}
	}
	return again(c.CloseWrite)
}

// again repeats what has missed a deadline.
func again(f func() error) error {
	for {
		if err := f(); !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

func listen(c *tlsrecord.Conn) ([]byte, error) {
	var got []byte
	buf := make([]byte, 100)
	for {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			return got, nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return got, err
		}
	}
}

// A fault at any byte of a conversation: what is read is a part of what was
// written, missed deadlines cost nothing, whatever else goes wrong is an error
// and never looks like the end, and all memory goes back.
func TestFaultAtEveryByte(t *testing.T) {
	content, _ := conversation()
	length := wireLength(t)
	for _, reading := range []bool{true, false} {
		for _, kind := range []faultconn.Kind{faultconn.Timeout, faultconn.End, faultconn.Reset} {
			for _, pieces := range []int{0, 1, 7} {
				for at := range length + 1 {
					memory := slab.New(slab.Config{ExactStats: true})
					cfg := tlsrecord.Config{Pool: memory, StrictEnd: true}
					a, b := faultconn.Pair(0)
					script := faultconn.Script{MaxBytes: pieces, Faults: []faultconn.Fault{{After: int64(at), Kind: kind}}}
					plan := faultconn.Plan{Write: script}
					var from, to *faultconn.Conn
					if reading {
						plan = faultconn.Plan{Read: script}
						from, to = faultconn.Wrap(a, faultconn.Plan{}), faultconn.Wrap(b, plan)
					} else {
						from, to = faultconn.Wrap(a, plan), faultconn.Wrap(b, faultconn.Plan{})
					}
					suite := tlsrecord.Suites()[at%3]
					c, s := tlsrecord.NewBare(from, suite, true, cfg), tlsrecord.NewBare(to, suite, false, cfg)
					written := make(chan error, 1)
					go func() {
						err := speak(c)
						from.CloseWrite()
						written <- err
					}()
					got, err := listen(s)
					werr := <-written
					switch {
					case !bytes.HasPrefix(content, got):
						t.Fatalf("%v at %d: read %q", kind, at, got)
					case kind == faultconn.Timeout && (err != nil || werr != nil):
						t.Fatalf("%v at %d: read %v, write %v", kind, at, err, werr)
					case err == nil && len(got) != len(content):
						t.Fatalf("%v at %d: the end after %d of %d bytes", kind, at, len(got), len(content))
					case err == nil && kind != faultconn.Timeout && at < length:
						t.Fatalf("%v at %d of %d: no error", kind, at, length)
					}
					c.Abort()
					s.Abort()
					a.Close()
					b.Close()
					wantReturned(t, memory)
					if t.Failed() {
						t.Fatalf("%v at %d", kind, at)
					}
				}
			}
		}
	}
}

// wireLength is how many bytes the conversation takes.
func wireLength(t *testing.T) int {
	t.Helper()
	a, b := faultconn.Pair(0)
	c := tlsrecord.NewBare(a, tlsrecord.Suites()[0], true, tlsrecord.Config{})
	if err := speak(c); err != nil {
		t.Fatal(err)
	}
	a.CloseWrite()
	wire, err := io.ReadAll(b)
	if err != nil {
		t.Fatal(err)
	}
	c.Abort()
	return len(wire)
}
