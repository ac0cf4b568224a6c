package h2mux_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// flood is more than any limit lets pass at once.
const flood = 20_000

// TestFloods: what costs a peer less than it costs us ends the session with
// ENHANCE_YOUR_CALM, in time that does not pass.
func TestFloods(t *testing.T) {
	for _, tt := range []struct {
		name string
		// send sends one more of them, or a stream with them.
		send func(p *peer, i int)
	}{
		{"RapidReset", func(p *peer, i int) { // CVE-2023-44487
			p.connect(uint32(2*i + 1))
			p.framer.WriteRSTStream(uint32(2*i+1), http2.ErrCodeCancel)
		}},
		{"MadeYouReset", func(p *peer, i int) { // CVE-2025-8671
			p.connect(uint32(2*i + 1))
			p.framer.WriteWindowUpdate(uint32(2*i+1), 1<<31-1)
		}},
		{"MadeYouResetByData", func(p *peer, i int) {
			id := uint32(2*i + 1)
			p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: true,
				BlockFragment: p.fields(":method", "CONNECT", ":authority", "x:1")})
			p.framer.WriteData(id, false, []byte("x"))
		}},
		{"Malformed", func(p *peer, i int) { p.connect(uint32(2*i+1), ":path", "/") }},
		{"Ping", func(p *peer, _ int) { p.framer.WritePing(false, [8]byte{1}) }},
		{"Settings", func(p *peer, _ int) { p.framer.WriteSettings() }},
		{"EmptyData", func(p *peer, i int) {
			if i == 0 {
				p.connect(1)
			}
			p.framer.WriteData(1, false, nil)
		}},
		{"PaddingOnly", func(p *peer, i int) {
			if i == 0 {
				p.connect(1)
			}
			p.framer.WriteDataPadded(1, false, nil, make([]byte, 1))
		}},
		{"Priority", func(p *peer, _ int) {
			p.framer.WritePriority(1, http2.PriorityParam{StreamDep: 3})
		}},
		{"Unknown", func(p *peer, _ int) { p.framer.WriteRawFrame(0xee, 0, 0, nil) }},
		{"Continuation", func(p *peer, i int) { // CVE-2024-27316
			if i == 0 {
				p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.fields(":method", "GET")})
			}
			p.framer.WriteContinuation(1, false, []byte{0x82})
		}},
		{"LongHeader", func(p *peer, i int) {
			if i == 0 {
				p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.fields(":method", "GET")})
			}
			p.framer.WriteContinuation(1, false, make([]byte, 16<<10))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, s := newPeer(t, h2mux.Config{KeepAlive: -1})
				p.framer.AllowIllegalWrites = true
				var sending sync.WaitGroup
				sending.Go(func() {
					for i := 0; i < flood && s.Err() == nil; i++ {
						tt.send(p, i)
					}
				})
				wantCode(t, s, mux.Calm)
				sending.Wait()
				p.wantGoAway(mux.Calm)
			})
		})
	}
}

// TestLimitsForget: the same, spread over time, is what peers do.
func TestLimitsForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newPeer(t, h2mux.Config{KeepAlive: -1})
		for range 5000 {
			time.Sleep(25 * time.Millisecond)
			p.check(p.framer.WritePing(false, [8]byte{1}))
		}
		synctest.Wait()
		if err := s.Err(); err != nil {
			t.Errorf("40 PINGs a second: %v", err)
		}
	})
}

// TestAnswersAreNotRead: a peer that asks and does not read the answers cannot
// make us keep them.
func TestAnswersAreNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newPeer(t, h2mux.Config{KeepAlive: -1})
		p.framer.AllowIllegalWrites = true
		var asking sync.WaitGroup
		asking.Go(func() {
			for i := 0; s.Err() == nil; i++ {
				if i%100 == 0 {
					time.Sleep(10 * time.Second) // below the limit of PINGs
				}
				p.framer.WritePing(false, [8]byte{1})
			}
		})
		// The peer's reader takes 1<<16 frames, and the connection 1 MiB.
		wantCode(t, s, mux.Calm)
		asking.Wait()
	})
}

// TestHeaderBomb: a header that a few bytes make large by references into the
// table is refused, and the table stays in step.
func TestHeaderBomb(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newPeer(t, h2mux.Config{KeepAlive: -1})
		bomb := []string{":method", "CONNECT", ":authority", "x:1"}
		for range 3000 {
			bomb = append(bomb, "bomb", strings.Repeat("x", 3000)) // a byte each, but for the first
		}
		block := append([]byte(nil), p.fields(bomb...)...)
		if len(block) > 8000 {
			t.Fatalf("the bomb has %d bytes", len(block))
		}
		p.check(p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: block}))
		p.wantReset(1, mux.Calm)
		p.connect(3, "bomb", strings.Repeat("x", 3000))
		st, err := s.AcceptStream(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if got := h2mux.Value(st.Request().Header, "bomb"); len(got) != 3000 {
			t.Errorf("the next header has %d bytes, want 3000", len(got))
		}
		st.Close()
	})
}

// TestMaxStreams: streams beyond the limit are refused, and a place is free
// again only when the stream was closed here, too.
func TestMaxStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newPeer(t, h2mux.Config{MaxStreams: 2, KeepAlive: -1})
		p.connect(1)
		p.connect(3)
		p.connect(5)
		p.wantReset(5, mux.Refused)
		st, err := s.AcceptStream(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		p.check(p.framer.WriteRSTStream(1, http2.ErrCodeCancel))
		p.connect(7)
		p.wantReset(7, mux.Refused)
		st.Close()
		synctest.Wait()
		p.connect(9)
		for range 2 { // 3 and 9
			st, err := s.AcceptStream(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
		}
		if l := s.Load(); l.Streams != 2 {
			t.Errorf("%d streams, want 2", l.Streams)
		}
	})
}

// TestWindowIsEnforced: a peer that sends more than its window is reset, and
// one that sends more than the connection's ends the session.
func TestWindowIsEnforced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newPeer(t, h2mux.Config{Window: 32 << 10, KeepAlive: -1})
		p.connect(1)
		for range 3 {
			p.check(p.framer.WriteData(1, false, make([]byte, 16<<10)))
		}
		p.wantReset(1, mux.FlowControl)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if st, err := s.AcceptStream(ctx); err == nil {
			st.Close()
			t.Error("a stream that was reset before it was accepted came through")
		}
	})
}

func ExampleStatusError() {
	var err error = &h2mux.StatusError{Status: 502}
	if refused, ok := errors.AsType[*h2mux.StatusError](err); ok {
		fmt.Println(refused.Status)
	}
	// Output: 502
}
