package stream_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/headrace-go/headrace/bench/internal/stream"
)

func sample(t testing.TB, seed uint64) []byte {
	t.Helper()
	var wire bytes.Buffer
	w := stream.NewWriter(&wire, seed)
	for _, n := range []int{1, 4096, 0, 1350, 4096, stream.MaxPayload} {
		if err := w.WriteFrame(n, n == stream.MaxPayload); err != nil {
			t.Fatal(err)
		}
	}
	if w.Sent() != uint64(wire.Len()) {
		t.Fatalf("Sent() = %d, want %d", w.Sent(), wire.Len())
	}
	return wire.Bytes()
}

func verify(seed uint64, wire []byte) error {
	return stream.NewVerifier(seed).ReadAll(bytes.NewReader(wire), make([]byte, 5000), nil)
}

func TestVerifierAcceptsWhatWriterSent(t *testing.T) {
	wire := sample(t, 7)
	for name, r := range map[string]io.Reader{
		"whole":       bytes.NewReader(wire),
		"single byte": iotest.OneByteReader(bytes.NewReader(wire)),
		"EOF in read": iotest.DataErrReader(bytes.NewReader(wire)),
	} {
		v := stream.NewVerifier(7)
		if err := v.ReadAll(r, make([]byte, 64<<10), nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !v.Done() || v.Seen() != uint64(len(wire)) {
			t.Errorf("%s: Done, Seen = %v, %d, want true, %d", name, v.Done(), v.Seen(), len(wire))
		}
	}
}

// TestVerifierFindsDamage damages the stream in each way a proxy could, at
// the frames' edges and at random places.
func TestVerifierFindsDamage(t *testing.T) {
	wire := sample(t, 7)
	places := []int{0, 3, 4, 8, 15, 16, 17, 33, 34, len(wire) - 2}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		places = append(places, rng.IntN(len(wire)-1))
	}
	damage := map[string]func(b []byte, at int) []byte{
		"flipped":    func(b []byte, at int) []byte { b[at] ^= 1 << (at % 8); return b },
		"dropped":    func(b []byte, at int) []byte { return append(b[:at], b[at+1:]...) },
		"duplicated": func(b []byte, at int) []byte { return append(b[:at+1], append([]byte{b[at]}, b[at+1:]...)...) },
		"swapped": func(b []byte, at int) []byte {
			if b[at] == b[at+1] {
				b[at]++
			}
			b[at], b[at+1] = b[at+1], b[at]
			return b
		},
		"a frame's length dropped": func(b []byte, at int) []byte {
			at = min(at, len(b)-4112-1)
			return append(b[:at], b[at+4112:]...)
		},
		"cut": func(b []byte, at int) []byte { return b[:at] },
	}
	for name, f := range damage {
		for _, at := range places {
			err := verify(7, f(bytes.Clone(wire), at))
			var corrupt *stream.CorruptError
			if !errors.As(err, &corrupt) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s at %d: error = %v, want a CorruptError or the end", name, at, err)
			}
		}
	}
	if err := verify(8, wire); err == nil {
		t.Error("a stream of another seed was accepted")
	}
	if _, err := stream.NewVerifier(7).Write(append(bytes.Clone(wire), 0)); err == nil {
		t.Error("a byte after the last frame was accepted")
	}
}

func TestCorruptErrorNamesTheByte(t *testing.T) {
	wire := sample(t, 7)
	wire[1000] ^= 0x10
	var corrupt *stream.CorruptError
	if err := verify(7, wire); !errors.As(err, &corrupt) || corrupt.Offset != 1000 {
		t.Errorf("error = %v, want a CorruptError at 1000", err)
	}
}

func TestWriteFrameAllocs(t *testing.T) {
	w := stream.NewWriter(io.Discard, 1)
	if n := testing.AllocsPerRun(100, func() {
		if err := w.WriteFrame(1350, false); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("WriteFrame allocates %v times", n)
	}
}

func TestRequestRoundTrip(t *testing.T) {
	want := stream.Request{Kind: stream.Send, Seed: 1 << 60, Bytes: 5, Rate: 6, Frame: 7}
	wire := want.AppendTo(nil)
	got, err := stream.ParseRequest(wire)
	if err != nil || got != want {
		t.Fatalf("ParseRequest = %+v, %v, want %+v", got, err, want)
	}
	for i := range wire {
		bad := bytes.Clone(wire)
		bad[i] ^= 0x40
		if got, err := stream.ParseRequest(bad); err == nil && got == want {
			t.Errorf("byte %d flipped: not noticed", i)
		}
	}
}

func TestAckRoundTrip(t *testing.T) {
	want := stream.Ack{State: stream.Complete, Bytes: 1 << 40}
	got, err := stream.ParseAck(want.AppendTo(nil))
	if err != nil || got != want {
		t.Fatalf("ParseAck = %+v, %v, want %+v", got, err, want)
	}
	if _, err := stream.ParseAck(make([]byte, stream.AckSize)); err == nil {
		t.Error("ParseAck accepts zeros")
	}
}

func FuzzVerifier(f *testing.F) {
	f.Add(sample(f, 7))
	f.Fuzz(func(t *testing.T, wire []byte) {
		v := stream.NewVerifier(7)
		if _, err := v.Write(wire); err == nil && v.Seen() != uint64(len(wire)) {
			t.Errorf("Seen() = %d, want %d", v.Seen(), len(wire))
		}
	})
}

// BenchmarkCheck shows that sending and checking cost far less than the
// socket calls around them.
func BenchmarkCheck(b *testing.B) {
	var wire bytes.Buffer
	w := stream.NewWriter(&wire, 7)
	for range 16 {
		if err := w.WriteFrame(stream.MaxPayload, false); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(wire.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stream.NewVerifier(7).Write(wire.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}
