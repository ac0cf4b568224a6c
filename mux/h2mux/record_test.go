package h2mux_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// A recordConn stands in for a tls.Conn: each Write is a record, or several if it
// is too long.
type recordConn struct {
	*faultconn.Endpoint
	sizes []int
}

func (c *recordConn) Write(p []byte) (int, error) {
	c.sizes = append(c.sizes, len(p))
	return c.Endpoint.Write(p)
}

func (c *recordConn) NetConn() net.Conn { return c.Endpoint }

// TestRecordsAreFull: what several streams send over TLS fills its records, with
// whole frames, whether writes are as long as a record or not.
func TestRecordsAreFull(t *testing.T) {
	const streams, record = 8, 16384
	for _, size := range []int{16_384, 32_768, 50_000, 100_000} {
		synctest.Test(t, func(t *testing.T) {
			a, b := faultconn.Pair(64 * kib)
			conn := &recordConn{Endpoint: a}
			client, server := sessions(t, conn, b, h2mux.Config{KeepAlive: -1})
			go func() {
				for {
					st, err := server.AcceptStream(context.Background())
					if err != nil {
						return
					}
					go func() {
						io.Copy(io.Discard, st)
						st.Close()
					}()
				}
			}()
			var group sync.WaitGroup
			for range streams {
				group.Go(func() {
					st, err := client.OpenRequest(context.Background(), h2mux.Request{})
					if err != nil {
						t.Error(err)
						return
					}
					for sent := 0; sent < mib; sent += size {
						if _, err := st.Write(make([]byte, size)); err != nil {
							t.Error(err)
						}
					}
					st.Close()
				})
			}
			group.Wait()
			synctest.Wait()
			client.Close() // the flusher has written all
			total, full := 0, 0
			for _, n := range conn.sizes {
				total += n
				if n > record {
					t.Fatalf("a Write of %d bytes is more than a record", n)
				}
				if n > record-record/16 {
					full++
				}
			}
			if full*record < total*9/10 {
				t.Errorf("writes of %d bytes: %d records of %d are full", size, full, len(conn.sizes))
			}
		})
	}
}
