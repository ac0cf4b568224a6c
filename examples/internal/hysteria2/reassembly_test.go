package hysteria2_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"go.uber.org/goleak"

	"github.com/headrace-go/headrace/examples/internal/hysteria2"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cut returns the fragments of a datagram, as they arrive.
func cut(t *testing.T, m hysteria2.Message, most int) (parts []hysteria2.Message) {
	t.Helper()
	ok, err := m.Split(most, func(b []byte) error {
		if len(b) > most {
			t.Errorf("a fragment of %d bytes, want %d at most", len(b), most)
		}
		part, err := hysteria2.ParseMessage(bytes.Clone(b))
		if err != nil {
			t.Error(err)
		}
		parts = append(parts, part)
		return nil
	})
	if err != nil || !ok {
		t.Fatalf("Split into %d bytes: %v, %v", most, ok, err)
	}
	return parts
}

// TestReassembly: fragments of many datagrams, mixed and some of them twice,
// give the datagrams, each once, and nothing is left.
func TestReassembly(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var r hysteria2.Reassembly
		want := map[uint32][]byte{}
		var parts []hysteria2.Message
		for id := range uint32(8) {
			payload := make([]byte, rng.IntN(9000))
			for i := range payload {
				payload[i] = byte(rng.Uint32())
			}
			want[id] = payload
			m := hysteria2.Message{Session: id, Packet: 7, Count: 1, Address: []byte("192.0.2.1:53"), Payload: payload}
			if parts = append(parts, cut(t, m, 100+rng.IntN(1200))...); len(payload) == 0 {
				delete(want, id) // no fragments
			}
		}
		rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		for _, part := range parts {
			part.Address = nil
			whole := r.Add(part)
			if whole == nil {
				continue
			}
			if !bytes.Equal(whole, want[part.Session]) {
				t.Fatalf("datagram %d: %d bytes, want %d others", part.Session, len(whole), len(want[part.Session]))
			}
			delete(want, part.Session)
		}
		if len(want) > 0 {
			t.Fatalf("%d datagrams did not come", len(want))
		}
		if n, held := r.Held(); n != 0 || held != 0 {
			t.Fatalf("%d datagrams and %d bytes are left", n, held)
		}
	}
}

// TestReassemblyIsBounded: fragments whose others never come take a bounded
// amount of memory, and the newest datagrams can be completed.
func TestReassemblyIsBounded(t *testing.T) {
	var r hysteria2.Reassembly
	for i := range 100_000 {
		r.Add(hysteria2.Message{Session: uint32(i), Packet: uint16(i), Fragment: uint8(i % 255), Count: 255, Payload: make([]byte, i%1400)})
		if n, held := r.Held(); n > hysteria2.MaxPartial || held > hysteria2.MaxPartialBytes {
			t.Fatalf("%d datagrams and %d bytes are held", n, held)
		}
	}
	m := hysteria2.Message{Session: 1, Packet: 1, Count: 1, Address: []byte("a:1"), Payload: make([]byte, 60_000)}
	var whole []byte
	for _, part := range cut(t, m, 1200) {
		whole = r.Add(part)
	}
	if len(whole) != 60_000 {
		t.Errorf("a datagram of %d bytes, want 60000", len(whole))
	}
	// One that is longer than any datagram is dropped.
	for i := range 255 {
		if got := r.Add(hysteria2.Message{Session: 2, Packet: 1, Fragment: uint8(i), Count: 255, Payload: make([]byte, 1000)}); got != nil {
			t.Fatalf("a datagram of %d bytes", len(got))
		}
	}
}

// FuzzReassembly: whatever fragments come, bounds hold, and what is put together
// is no longer than a datagram.
func FuzzReassembly(f *testing.F) {
	f.Add([]byte("\x01\x01\x00\x02a\x01\x01\x01\x02b"))
	f.Fuzz(func(t *testing.T, script []byte) {
		var r hysteria2.Reassembly
		for ; len(script) >= 5; script = script[5:] {
			m := hysteria2.Message{Session: uint32(script[0]), Packet: uint16(script[1]), Fragment: script[2], Count: script[3],
				Payload: make([]byte, int(script[4])*5)}
			if m, err := hysteria2.ParseMessage(m.Append(nil)); err == nil {
				if whole := r.Add(m); len(whole) > hysteria2.MaxDatagram {
					t.Fatalf("a datagram of %d bytes", len(whole))
				}
			}
			if n, held := r.Held(); n > hysteria2.MaxPartial || held > hysteria2.MaxPartialBytes || n == 0 && held != 0 {
				t.Fatalf("%d datagrams and %d bytes are held", n, held)
			}
		}
	})
}
