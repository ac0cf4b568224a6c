package h2mux_test

import (
	"context"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"

	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// TestTruncatedBlock: a header block that ends within a field ends the session,
// whatever byte would make it whole (RFC 7541, section 2.3.3; RFC 9113, section
// 4.3).
func TestTruncatedBlock(t *testing.T) {
	for name, rest := range map[string][]byte{
		"value":  {0x00, 1, 'x', 1},          // of one byte, which is missing
		"name":   {0x00, 1},                  // the same
		"index":  {0x7F},                     // of a field in the table
		"length": {0x00, 1, 'x', 0x7F, 0xFF}, // of a value
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _ := newPeer(t, h2mux.Config{})
				block := append(p.fields(":method", "CONNECT", ":authority", "example.com:443"), rest...)
				p.check(p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true}))
				p.wantGoAway(mux.Compression)
			})
		})
	}
}

// TestTableSizeUpdate: it may stand at the beginning of any block (RFC 7541,
// section 4.2).
func TestTableSizeUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newPeer(t, h2mux.Config{})
		for _, id := range []uint32{1, 3} {
			block := append([]byte{0x20}, p.fields(":method", "CONNECT", ":authority", "example.com:443")...)
			p.enc.SetMaxDynamicTableSize(0)
			p.check(p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true}))
			if _, err := s.AcceptStream(context.Background()); err != nil {
				t.Fatalf("stream %d: %v", id, err)
			}
		}
	})
}
