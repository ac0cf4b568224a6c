package aead_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/headrace-go/headrace/aead"
	"github.com/headrace-go/headrace/internal/faultconn"
)

// Whatever happens to the connection below, at whichever byte: what arrives is
// a beginning of what was sent, nothing is taken for a clean end that is none,
// missed deadlines cost nothing, and all memory goes back.
func TestFaultsAtEveryByte(t *testing.T) {
	want := randomBytes(1, 150)
	wire := int64(16 + len(want) + 3*aead.ChunkOverhead)
	kinds := []faultconn.Kind{faultconn.Timeout, faultconn.End, faultconn.Reset}
	for _, kind := range kinds {
		for after := range wire {
			script := faultconn.Script{MaxBytes: 40, Faults: []faultconn.Fault{
				{After: after, Kind: kind}, {After: after, Kind: kind},
			}}
			for name, plans := range map[string][2]faultconn.Plan{
				"writer": {{Write: script}, {}},
				"reader": {{}, {Read: script}},
			} {
				l := newLedger()
				raw1, raw2 := faultconn.Pair(0)
				c1, c2 := connPair(t, faultconn.Wrap(raw1, plans[0]), faultconn.Wrap(raw2, plans[1]), l)
				sendErr := sendAll(c1, want)
				c1.Close()
				got, err := readAll(c2)
				c2.Close()
				lost := len(got) < len(want)
				switch {
				case !bytes.HasPrefix(want, got),
					kind == faultconn.Timeout && (lost || err != nil || sendErr != nil),
					kind != faultconn.Timeout && lost && err == nil && sendErr == nil && !betweenChunks(after),
					kind == faultconn.Reset && !errors.Is(errors.Join(err, sendErr), syscall.ECONNRESET):
					t.Fatalf("%v at byte %d of the %s: %d of %d bytes, sent %v, read %v", kind, after, name, len(got), len(want), sendErr, err)
				}
				l.check(t, 0)
			}
		}
	}
}

// betweenChunks reports whether a stream of sendAll's can end cleanly after n
// bytes.
func betweenChunks(n int64) bool {
	return n == 0 || n >= 16 && (n-16)%(50+aead.ChunkOverhead) == 0
}

// sendAll sends p in three writes, and goes on after missed deadlines.
func sendAll(c *aead.ChunkConn, p []byte) error {
	for _, piece := range cut(p, 50, 50) {
		for len(piece) > 0 {
			n, err := c.Write(piece)
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				return err
			}
			piece = piece[n:]
		}
	}
	for {
		if err := c.CloseWrite(); !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

// readAll is io.ReadAll that goes on after missed deadlines.
func readAll(c *aead.ChunkConn) ([]byte, error) {
	var all []byte
	p := make([]byte, 60)
	for {
		n, err := c.Read(p)
		all = append(all, p[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return all, err
		}
	}
}
