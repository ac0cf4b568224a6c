package h2mux_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/headrace-go/headrace/mux"
	"github.com/headrace-go/headrace/mux/h2mux"
)

// FuzzParser reads the same bytes with x/net's Framer and with ours, in pieces
// of all sizes. Where the Framer sees a frame we see it too, and where it sees
// an error we have seen no more frames than it has.
func FuzzParser(f *testing.F) {
	var good bytes.Buffer
	w := http2.NewFramer(&good, nil)
	w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}, PadLength: 3,
		Priority: http2.PriorityParam{StreamDep: 5, Weight: 7}})
	w.WriteContinuation(1, true, []byte{0x84})
	w.WriteData(1, false, []byte("hello"))
	w.WriteDataPadded(1, true, []byte("world"), make([]byte, 9))
	w.WritePing(true, [8]byte{1, 2, 3})
	w.WriteWindowUpdate(0, 77)
	w.WriteRSTStream(3, http2.ErrCodeCancel)
	w.WriteGoAway(9, http2.ErrCodeNo, []byte("bye"))
	w.WriteRawFrame(0x42, 0xff, 7, []byte("unknown"))
	f.Add(good.Bytes(), uint8(1))
	f.Add(good.Bytes(), uint8(200))
	f.Add([]byte{0, 0, 0, 0, 8, 0, 0, 0, 1}, uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		want, wantErr := framerSees(data)
		got, gotErr := parserSees(data, max(1, int(piece)))
		for i := range min(len(want), len(got)) {
			if want[i] != got[i] {
				t.Fatalf("frame %d: got %s, want %s", i, got[i], want[i])
			}
		}
		switch {
		case len(got) > len(want) && !errors.Is(wantErr, errStream) && !judged(got[len(want)]):
			t.Fatalf("got %d frames, want %d (then %v)", len(got), len(want), wantErr)
		case len(got) < len(want) && gotErr == nil:
			t.Fatalf("got %d frames and no error, want %d", len(got), len(want))
		case len(got) < len(want) && !stricter(gotErr):
			t.Fatalf("got %d frames, then %v, want %d", len(got), gotErr, len(want))
		}
	})
}

// errStream: the Framer leaves the rest to its caller.
var errStream = errors.New("stream error")

// judged are the frames whose contents the Framer judges as well, which is the
// session's part with us.
func judged(frame string) bool {
	for _, typ := range []http2.FrameType{http2.FramePriority, http2.FrameSettings, http2.FramePushPromise,
		http2.FrameWindowUpdate, http2.FramePriorityUpdate} {
		if strings.Contains(frame, fmt.Sprintf(" of type %d,", byte(typ))) {
			return true
		}
	}
	return false
}

// stricter are the errors that the Framer leaves to its caller.
func stricter(err error) bool {
	return strings.Contains(err.Error(), "depends on itself") || strings.Contains(err.Error(), "PRIORITY_UPDATE") ||
		strings.Contains(err.Error(), "cannot have it") // PUSH_PROMISE, PRIORITY_UPDATE
}

func framerSees(data []byte) (frames []string, err error) {
	r := http2.NewFramer(io.Discard, bytes.NewReader(data))
	r.SetMaxReadFrameSize(h2mux.ParserMax)
	for {
		f, err := r.ReadFrame()
		if se := (http2.StreamError{}); errors.As(err, &se) {
			return frames, errStream
		}
		if err != nil {
			return frames, err
		}
		h := f.Header()
		var payload []byte
		switch f := f.(type) {
		case *http2.DataFrame:
			payload = f.Data()
		case *http2.HeadersFrame:
			payload = f.HeaderBlockFragment()
		case *http2.ContinuationFrame:
			payload = f.HeaderBlockFragment()
		case *http2.GoAwayFrame:
			payload = f.DebugData()
		case *http2.UnknownFrame:
			payload = f.Payload()
		case *http2.PriorityUpdateFrame, *http2.PushPromiseFrame, *http2.SettingsFrame, *http2.PingFrame,
			*http2.WindowUpdateFrame, *http2.RSTStreamFrame, *http2.PriorityFrame:
		}
		frames = append(frames, describe(int(h.Length), byte(h.Type), byte(h.Flags), h.StreamID, payload))
	}
}

// describe shows the payload of those frames that both have as bytes.
func describe(length int, typ, flags byte, id uint32, payload []byte) string {
	return fmt.Sprintf("%d bytes of type %d, flags %#x, stream %d: %x", length, typ, flags, id, payload)
}

func parserSees(data []byte, piece int) (frames []string, err error) {
	p := h2mux.NewParser()
	defer p.Close()
	err = p.Feed(data, piece, func(length int, typ, flags byte, id uint32, payload []byte) {
		switch http2.FrameType(typ) {
		case http2.FrameData, http2.FrameHeaders, http2.FrameContinuation:
		case http2.FrameGoAway:
			payload = payload[8:]
		case http2.FramePriority, http2.FrameRSTStream, http2.FrameSettings, http2.FramePushPromise, http2.FramePing,
			http2.FrameWindowUpdate, http2.FramePriorityUpdate:
			payload = nil
		}
		frames = append(frames, describe(length, typ, flags, id, payload))
	})
	return frames, err
}

func TestParserRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		data []byte
		code mux.Code
	}{
		{"too long", []byte{0x01, 0x00, 0x01, 0, 0, 0, 0, 0, 1}, mux.FrameSize},
		{"padding", []byte{0, 0, 1, 0, 8, 0, 0, 0, 1, 1}, mux.ProtocolError},
		{"interrupted", []byte{0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1}, mux.ProtocolError},
		{"continuation", []byte{0, 0, 0, 9, 4, 0, 0, 0, 1}, mux.ProtocolError},
		{"ping", []byte{0, 0, 7, 6, 0, 0, 0, 0, 0}, mux.FrameSize},
		{"settings on a stream", []byte{0, 0, 0, 4, 0, 0, 0, 0, 1}, mux.ProtocolError},
		{"data on the connection", []byte{0, 0, 0, 0, 0, 0, 0, 0, 0}, mux.ProtocolError},
	} {
		_, err := parserSees(tt.data, 1)
		e, ok := errors.AsType[*mux.SessionError](err)
		if !ok || e.Code != tt.code {
			t.Errorf("%s: %v, want code %v", tt.name, err, tt.code)
		}
	}
}
