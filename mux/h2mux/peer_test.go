package h2mux_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/headrace-go/headrace/internal/faultconn"
	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// A peer speaks frames to a session, whatever it likes.
type peer struct {
	t      *testing.T
	conn   *faultconn.Endpoint
	framer *http2.Framer
	block  bytes.Buffer
	enc    *hpack.Encoder
	frames chan http2.Frame // what the session sends, but for DATA's payload
}

// newPeer returns a server session and its client, which has said hello.
func newPeer(t *testing.T, cfg h2mux.Config) (*peer, *h2mux.Session) {
	t.Helper()
	a, b := faultconn.Pair(1 << 20)
	s, err := h2mux.Server(b, cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := speak(t, a)
	if _, err := io.WriteString(a, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	p.check(p.framer.WriteSettings())
	t.Cleanup(func() { s.Close() })
	return p, s
}

// newServer returns a client session and its server, which has said hello and
// has been understood.
func newServer(t *testing.T, cfg h2mux.Config, settings ...http2.Setting) (*peer, *h2mux.Session) {
	t.Helper()
	a, b := faultconn.Pair(1 << 20)
	s, err := h2mux.Client(a, cfg)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(b, got); err != nil || string(got) != http2.ClientPreface {
		t.Fatalf("the client begins with %q, %v", got, err)
	}
	p := speak(t, b)
	p.check(p.framer.WriteSettings(settings...))
	t.Cleanup(func() { s.Close() })
	synctest.Wait()
	return p, s
}

func speak(t *testing.T, c *faultconn.Endpoint) *peer {
	p := &peer{t: t, conn: c, framer: http2.NewFramer(c, c), frames: make(chan http2.Frame, 1<<16)}
	p.enc = hpack.NewEncoder(&p.block)
	go func() {
		defer close(p.frames)
		framer := http2.NewFramer(io.Discard, c)
		framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		for {
			f, err := framer.ReadFrame()
			if err != nil {
				return
			}
			switch h := f.(type) {
			case *http2.GoAwayFrame:
				f = &goAway{h, string(h.DebugData())}
			case *http2.SettingsFrame:
				kept := &settings{SettingsFrame: h, values: map[http2.SettingID]uint32{}}
				h.ForeachSetting(func(s http2.Setting) error { kept.values[s.ID] = s.Val; return nil })
				f = kept
			}
			p.frames <- f
		}
	}()
	t.Cleanup(func() {
		c.Close()
		for range p.frames {
		}
	})
	return p
}

// goAway and settings keep what the framer's buffer loses.
type goAway struct {
	*http2.GoAwayFrame
	reason string
}

type settings struct {
	*http2.SettingsFrame
	values map[http2.SettingID]uint32
}

func (p *peer) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("the peer cannot write: %v", err)
	}
}

// fields encodes a header block.
func (p *peer) fields(fields ...string) []byte {
	p.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		p.check(p.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
	return p.block.Bytes()
}

// connect opens a tunnel.
func (p *peer) connect(id uint32, more ...string) {
	p.t.Helper()
	p.check(p.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, EndHeaders: true,
		BlockFragment: p.fields(append([]string{":method", "CONNECT", ":authority", "x:1"}, more...)...),
	}))
}

// wantGoAway reads up to the GOAWAY that the session ends with.
func (p *peer) wantGoAway(code mux.Code) {
	p.t.Helper()
	for f := range p.frames {
		if g, ok := f.(*goAway); ok {
			if mux.Code(g.ErrCode) != code {
				p.t.Fatalf("GOAWAY with %v (%q), want %v", g.ErrCode, g.reason, code)
			}
			return
		}
	}
	p.t.Fatal("the session ended without GOAWAY")
}

// wantReset reads up to the RST_STREAM of a stream.
func (p *peer) wantReset(id uint32, code mux.Code) {
	p.t.Helper()
	for f := range p.frames {
		switch f := f.(type) {
		case *http2.RSTStreamFrame:
			if f.StreamID != id || mux.Code(f.ErrCode) != code {
				p.t.Fatalf("RST_STREAM of %d with %v, want %d with %v", f.StreamID, f.ErrCode, id, code)
			}
			return
		case *goAway:
			p.t.Fatalf("GOAWAY with %v (%q), want RST_STREAM", f.ErrCode, f.reason)
		}
	}
	p.t.Fatal("the session ended, want RST_STREAM")
}

// wantCode checks why a session has ended.
func wantCode(t *testing.T, s *h2mux.Session, code mux.Code) {
	t.Helper()
	<-s.Done()
	e, ok := errors.AsType[*mux.SessionError](s.Err())
	if !ok || e.Code != code {
		t.Errorf("Err = %v, want code %v", s.Err(), code)
	}
}
