package h2mux_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// conversation is more than the session's first 64 KiB, each way, by several
// frames.
const conversation = 128 << 10

// Every one of the first densely bytes is cut at, and so is every edge between
// frames, and a byte before and behind it. Otherwise it is every step bytes, a
// prime, so that runs of frames of any length are cut everywhere. The soak cuts
// at every byte.
func faultSteps() (densely, step int64) {
	if on, _ := strconv.ParseBool(os.Getenv("HEADRACE_SOAK")); on {
		return first, 1
	}
	if raceEnabled {
		return 300, 1021
	}
	return 4 << 10, 127
}

const first = 64 << 10

// TestFaults cuts a session's connection at offsets all over its first 64 KiB.
// Whatever was read is what was written, every call ends, and nothing is left.
func TestFaults(t *testing.T) {
	densely, step := faultSteps()
	for _, kind := range []faultconn.Kind{faultconn.Reset, faultconn.End} {
		for _, direction := range []string{"read", "write"} {
			t.Run(kind.String()+"/"+direction, func(t *testing.T) {
				t.Parallel()
				for at := int64(0); at < first; {
					script := faultconn.Script{Faults: []faultconn.Fault{{After: at, Kind: kind}}}
					plan := faultconn.Plan{Read: script}
					if direction == "write" {
						plan = faultconn.Plan{Write: script}
					}
					cut(t, fmt.Sprint("at byte ", at), func(e *faultconn.Endpoint) net.Conn { return faultconn.Wrap(e, plan) })
					if at++; at > densely {
						at += step - 1
					}
				}
				for edge, at := 0, 0; at < first; edge++ {
					for beside := -1; beside <= 1; beside++ {
						what := fmt.Sprint(beside, " beside edge ", edge)
						c := &edgeConn{reads: direction == "read", reset: kind == faultconn.Reset, edges: edge, beside: beside}
						cut(t, what, func(e *faultconn.Endpoint) net.Conn { c.Endpoint = e; return c })
						if at = c.cut; at == 0 && edge+beside > 0 {
							t.Fatalf("there is no byte %s", what)
						}
					}
				}
			})
		}
	}
}

// An edgeConn ends, in one direction, beside one of the edges between frames.
type edgeConn struct {
	*faultconn.Endpoint
	reads  bool
	reset  bool
	edges  int // to be passed first
	beside int // bytes, before or behind

	found  bool
	cut    int // once found
	passed int
	next   int // where the next header begins
	head   []byte
}

// pass returns how much of p goes through.
func (c *edgeConn) pass(p []byte) int {
	if c.passed == 0 && bytes.HasPrefix(p, []byte(http2.ClientPreface)) {
		c.next = len(http2.ClientPreface)
	}
	for i := 0; i < len(p) && !c.found; i++ {
		switch at := c.passed + i; {
		case at < c.next:
		case at == c.next && c.edges == 0:
			c.found, c.cut = true, max(0, at+c.beside)
		default:
			if c.head = append(c.head, p[i]); len(c.head) == 9 {
				c.edges--
				c.next = at + 1 + int(c.head[0])<<16 + int(c.head[1])<<8 + int(c.head[2])
				c.head = c.head[:0]
			}
		}
	}
	n := len(p)
	if c.found {
		n = min(n, max(0, c.cut-c.passed))
	}
	c.passed += n
	return n
}

func (c *edgeConn) Read(p []byte) (int, error) {
	n, err := c.Endpoint.Read(p)
	if !c.reads || err != nil {
		return n, err
	}
	if n = c.pass(p[:n]); n > 0 {
		return n, nil
	}
	if c.reset {
		c.Endpoint.Reset()
		return 0, syscall.ECONNRESET
	}
	return 0, io.EOF
}

func (c *edgeConn) Write(p []byte) (int, error) {
	if c.reads {
		return c.Endpoint.Write(p)
	}
	k := c.pass(p)
	n, err := c.Endpoint.Write(p[:k])
	if k == len(p) || err != nil {
		return n, err
	}
	if c.reset {
		c.Endpoint.Reset()
		return n, syscall.ECONNRESET
	}
	return n, syscall.EPIPE
}

var spoken = randomBytes(conversation / 2)

func cut(t *testing.T, where string, broken func(*faultconn.Endpoint) net.Conn) {
	synctest.Test(t, func(t *testing.T) {
		a, b := faultconn.Pair(8 << 10)
		client, err := h2mux.Client(broken(a), h2mux.Config{})
		if err != nil {
			t.Fatal(err)
		}
		server, err := h2mux.Server(b, h2mux.Config{})
		if err != nil {
			t.Fatal(err)
		}
		want := spoken
		var group sync.WaitGroup
		group.Go(func() {
			for {
				st, err := server.Accept(context.Background())
				if err != nil {
					return
				}
				group.Go(func() {
					_, err := io.Copy(struct{ io.Writer }{st}, struct{ io.Reader }{st})
					if err == nil {
						st.CloseWrite()
					}
					st.Close()
				})
			}
		})
		for range 2 {
			group.Go(func() {
				st, err := client.Open(context.Background())
				if err != nil {
					return
				}
				defer st.Close()
				group.Go(func() {
					if _, err := st.Write(want); err == nil {
						st.CloseWrite()
					}
				})
				got, err := io.ReadAll(st)
				if string(got) != string(want[:len(got)]) {
					t.Errorf("%s: other bytes came back", where)
				}
				if err == nil && len(got) < len(want) {
					t.Errorf("%s: a clean end after %d bytes of %d", where, len(got), len(want))
				}
			})
		}
		synctest.Wait()
		client.Close()
		server.Close()
		group.Wait()
		if !client.Idle() || !server.Idle() {
			t.Errorf("%s: buffers are left", where)
		}
	})
}

// TestPieces breaks the bytes of a session into the smallest pieces: all must
// arrive.
func TestPieces(t *testing.T) {
	for _, most := range []int{1, 2, 7, 1000} {
		a, b := faultconn.Pair(0)
		script := faultconn.Script{MaxBytes: most}
		client, server := sessions(t, faultconn.Wrap(a, faultconn.Plan{Read: script, Write: script}), b, h2mux.Config{})
		go func() {
			st, err := server.Accept(context.Background())
			if err != nil {
				return
			}
			io.Copy(st, st)
			st.Close()
		}()
		st, err := client.Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		want := randomBytes(100_000)
		go func() {
			st.Write(want)
			st.CloseWrite()
		}()
		got, err := io.ReadAll(st)
		if err != nil || string(got) != string(want) {
			t.Errorf("pieces of %d: %d bytes, %v", most, len(got), err)
		}
		st.Close()
	}
}

// TestSilentPeer: keep-alive finds a peer that has gone without a word, while
// streams are open, and costs nothing while there are none.
func TestSilentPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := faultconn.Pair(0)
		faulty := faultconn.Wrap(a, faultconn.Plan{Read: faultconn.Script{Faults: []faultconn.Fault{{After: 200, Kind: faultconn.Stall}}}})
		client, err := h2mux.Client(faulty, h2mux.Config{})
		if err != nil {
			t.Fatal(err)
		}
		server, err := h2mux.Server(b, h2mux.Config{KeepAlive: -1})
		if err != nil {
			t.Fatal(err)
		}
		st, err := client.Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			st, err := server.Accept(context.Background())
			if err != nil {
				return
			}
			st.Write(make([]byte, 1000)) // which the client does not see all of
		}()
		_, err = io.ReadFull(st, make([]byte, 1000))
		if e, ok := errors.AsType[net.Error](err); !ok || !e.Timeout() || !errors.Is(err, mux.ErrSilent) {
			t.Errorf("Read from a peer that has gone silent: %v, want ErrSilent", err)
		}
		st.Close()
		client.Close()
		server.Close()
	})
}
