package h2mux_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// conversation is more than the session's first 64 KiB, each way.
const conversation = 70 << 10

// faultStep is the distance between faults: a prime, so that runs of frames of
// any length are cut everywhere. The soak cuts at every byte.
func faultStep() int64 {
	if on, _ := strconv.ParseBool(os.Getenv("HEADRACE_SOAK")); on {
		return 1
	}
	return 251
}

// TestFaults cuts a session's connection at offsets all over its first 64 KiB.
// Whatever was read is what was written, every call ends, and nothing is left.
func TestFaults(t *testing.T) {
	for _, kind := range []faultconn.Kind{faultconn.Reset, faultconn.End} {
		for _, direction := range []string{"read", "write"} {
			t.Run(kind.String()+"/"+direction, func(t *testing.T) {
				for at := int64(0); at < 64<<10; {
					cut(t, kind, direction, at)
					if at < 300 {
						at++ // the beginning is where everything is different
					} else {
						at += faultStep()
					}
				}
			})
		}
	}
}

func cut(t *testing.T, kind faultconn.Kind, direction string, at int64) {
	synctest.Test(t, func(t *testing.T) {
		a, b := faultconn.Pair(8 << 10)
		script := faultconn.Script{Faults: []faultconn.Fault{{After: at, Kind: kind}}}
		plan := faultconn.Plan{Read: script}
		if direction == "write" {
			plan = faultconn.Plan{Write: script}
		}
		client, err := h2mux.Client(faultconn.Wrap(a, plan), h2mux.Config{})
		if err != nil {
			t.Fatal(err)
		}
		server, err := h2mux.Server(b, h2mux.Config{})
		if err != nil {
			t.Fatal(err)
		}
		want := randomBytes(conversation / 2)
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
					t.Errorf("%v after %d bytes %s: other bytes came back", kind, at, direction)
				}
				if err == nil && len(got) < len(want) {
					t.Errorf("%v after %d bytes %s: a clean end after %d bytes of %d", kind, at, direction, len(got), len(want))
				}
			})
		}
		synctest.Wait()
		client.Close()
		server.Close()
		group.Wait()
		if !client.Idle() || !server.Idle() {
			t.Errorf("%v after %d bytes %s: buffers are left", kind, at, direction)
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
