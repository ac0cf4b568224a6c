package aead_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/headrace-go/headrace/aead"
)

// A packetForm is one of the datagram forms, whatever its types are.
type packetForm struct {
	name     string
	headroom int
	seal     func(dst, payload []byte) ([]byte, error)
	open     func(dst, packet []byte) ([]byte, error)
	// twin opens a datagram by the protocol's text.
	twin func(packet []byte) ([]byte, error)
}

const sessionID = 0x1122334455667788

func packetForms(t testing.TB) []packetForm {
	t.Helper()
	master := randomBytes(1, 32)
	subkey := func(salt []byte) (cipher.AEAD, error) {
		key, err := hkdf.Key(sha1.New, master, salt, "ss-subkey", 32)
		if err != nil {
			return nil, err
		}
		return aead.New(aead.AES256GCM, key)
	}
	salted, err := aead.NewSaltedPackets(32, subkey)
	if err != nil {
		t.Fatal(err)
	}
	x := mustAEAD(t, aead.XChaCha20Poly1305)
	random, err := aead.NewRandomPackets(x)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(master)
	if err != nil {
		t.Fatal(err)
	}
	gcm := mustAEAD(t, aead.AES256GCM)
	sealer, err := aead.NewPacketSealer(block, gcm, sessionID)
	if err != nil {
		t.Fatal(err)
	}
	opener, err := aead.NewPacketOpener(block)
	if err != nil {
		t.Fatal(err)
	}
	return []packetForm{{
		name: "salted", headroom: salted.Headroom(), seal: salted.Seal, open: salted.Open,
		twin: func(packet []byte) ([]byte, error) {
			a, err := subkey(packet[:32])
			if err != nil {
				return nil, err
			}
			return a.Open(nil, make([]byte, 12), packet[32:], nil)
		},
	}, {
		name: "random", headroom: random.Headroom(), open: random.Open,
		seal: func(dst, payload []byte) ([]byte, error) { return random.Seal(dst, payload), nil },
		twin: func(packet []byte) ([]byte, error) { return x.Open(nil, packet[:24], packet[24:], nil) },
	}, {
		name: "session", headroom: aead.PacketHeadroom, seal: sealer.Seal,
		open: func(dst, packet []byte) ([]byte, error) {
			// The session comes out of the header, as in a server.
			if _, _, err := opener.Header(packet); err != nil {
				return nil, err
			}
			return opener.Open(gcm, dst, packet)
		},
		twin: func(packet []byte) ([]byte, error) {
			header := make([]byte, 16)
			block.Decrypt(header, packet[:16])
			return gcm.Open(nil, header[4:], packet[16:], nil)
		},
	}}
}

func TestPackets(t *testing.T) {
	for _, f := range packetForms(t) {
		seen := map[string]bool{}
		for _, n := range payloadLengths() {
			payload := randomBytes(uint64(n), n)
			size := f.headroom + n + aead.TagSize
			for _, inPlace := range []bool{false, true} {
				room := bytes.Repeat([]byte{0xA5}, 32+size+32)
				slot := room[32 : 32+size : 32+size]
				in := payload
				if inPlace {
					copy(slot[f.headroom:], payload)
					in = slot[f.headroom : f.headroom+n]
				}
				packet, err := f.seal(slot[:0], in)
				if err != nil {
					t.Fatal(err)
				}
				if len(packet) != size || &packet[0] != &slot[0] {
					t.Fatalf("%s: datagram of %d bytes for %d of payload, in place %v", f.name, len(packet), n, inPlace)
				}
				if !bytes.Equal(room[:32], room[32+size:]) || bytes.Count(room[:32], []byte{0xA5}) != 32 {
					t.Fatalf("%s: written outside the slot", f.name)
				}
				if head := string(packet[:f.headroom]); seen[head] {
					t.Fatalf("%s: salt, nonce or header came twice", f.name)
				} else {
					seen[head] = true
				}
				if got, err := f.twin(packet); err != nil || !bytes.Equal(got, payload) {
					t.Fatalf("%s: the twin opens %d bytes, %v, want %d", f.name, len(got), err, n)
				}
				before := bytes.Clone(packet)
				got, err := f.open([]byte("pre"), packet)
				if err != nil || !bytes.Equal(got, append([]byte("pre"), payload...)) || !bytes.Equal(packet, before) {
					t.Fatalf("%s: Open of %d bytes: %v", f.name, n, err)
				}
				got, err = f.open(packet[f.headroom:f.headroom], packet)
				if err != nil || !bytes.Equal(got, payload) {
					t.Fatalf("%s: Open in place of %d bytes: %v", f.name, n, err)
				}
			}
		}
	}
}

// A forged datagram is refused, leaves nothing behind, and spoils no other.
func TestForgedPackets(t *testing.T) {
	for _, f := range packetForms(t) {
		good, err := f.seal(nil, randomBytes(1, 50))
		if err != nil {
			t.Fatal(err)
		}
		for bit := range 8 * len(good) {
			forged := bytes.Clone(good)
			forged[bit/8] ^= 1 << (bit % 8)
			dst := bytes.Repeat([]byte{0xA5}, 64)
			if got, err := f.open(dst[:4], forged); got != nil || !errors.Is(err, aead.ErrOpen) {
				t.Fatalf("%s: bit %d: %x, %v, want ErrOpen", f.name, bit, got, err)
			}
			if !bytes.Equal(dst[4:54], make([]byte, 50)) && !bytes.Equal(dst[4:54], bytes.Repeat([]byte{0xA5}, 50)) {
				t.Fatalf("%s: bit %d: something is left behind", f.name, bit)
			}
		}
		for n := range good {
			if _, err := f.open(nil, good[:n]); !errors.Is(err, aead.ErrOpen) {
				t.Fatalf("%s: %d of %d bytes: %v", f.name, n, len(good), err)
			}
		}
		if got, err := f.open(nil, good); err != nil || len(got) != 50 {
			t.Errorf("%s: the datagram itself, after forged ones: %v", f.name, err)
		}
	}
}

func TestPacketOverlap(t *testing.T) {
	for _, f := range packetForms(t) {
		for at := range f.headroom + 150 {
			buf := make([]byte, 400)
			want := at != f.headroom && at < f.headroom+50+aead.TagSize
			if got := panics(func() { _, _ = f.seal(buf[:0], buf[at:at+50]) }); got != want {
				t.Errorf("%s: payload %d bytes behind dst: panicked %v, want %v", f.name, at, got, want)
			}
		}
	}
}

func TestPacketNumbers(t *testing.T) {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	rec := &recorder{AEAD: mustAEAD(t, aead.AES128GCM)}
	s, err := aead.NewPacketSealer(block, rec, sessionID)
	if err != nil {
		t.Fatal(err)
	}
	o, err := aead.NewPacketOpener(block)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(300) {
		packet, err := s.Seal(nil, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		session, number, err := o.Header(packet)
		if session != sessionID || number != i || err != nil {
			t.Fatalf("Header = %#x, %d, %v, want %#x, %d", session, number, err, uint64(sessionID), i)
		}
		if want := string(binary.BigEndian.AppendUint64([]byte{0x55, 0x66, 0x77, 0x88}, i)); rec.nonces[i] != want {
			t.Fatalf("nonce %x, want %x", rec.nonces[i], want)
		}
	}
	aead.SetPacketNumber(s, 1<<64-1)
	for range 2 {
		if packet, err := s.Seal(nil, nil); packet != nil || !errors.Is(err, aead.ErrNonceExhausted) {
			t.Errorf("Seal after the last number = %x, %v", packet, err)
		}
	}
}

type oddBlock struct{ cipher.Block }

func (oddBlock) BlockSize() int { return 8 }

func TestPacketRefusals(t *testing.T) {
	block, _ := aes.NewCipher(make([]byte, 16))
	gcm, x := mustAEAD(t, aead.AES128GCM), mustAEAD(t, aead.XChaCha20Poly1305)
	broken := errors.New("no key")
	failing, err := aead.NewSaltedPackets(16, func([]byte) (cipher.AEAD, error) { return nil, broken })
	if err != nil {
		t.Fatal(err)
	}
	o, _ := aead.NewPacketOpener(block)
	for name, f := range map[string]func() error{
		"short salts": func() error {
			_, err := aead.NewSaltedPackets(15, func([]byte) (cipher.AEAD, error) { return gcm, nil })
			return err
		},
		"no key":             func() error { _, err := aead.NewSaltedPackets(16, nil); return err },
		"short nonces":       func() error { _, err := aead.NewRandomPackets(gcm); return err },
		"block of 8":         func() error { _, err := aead.NewPacketSealer(oddBlock{block}, gcm, 1); return err },
		"opening block of 8": func() error { _, err := aead.NewPacketOpener(oddBlock{block}); return err },
		"long nonces":        func() error { _, err := aead.NewPacketSealer(block, x, 1); return err },
		"opening with those": func() error { _, err := o.Open(x, nil, make([]byte, 100)); return err },
		"sealing, key fails": func() error { _, err := failing.Seal(nil, nil); return err },
		"opening, key fails": func() error { _, err := failing.Open(nil, make([]byte, 100)); return err },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestPacketAllocs(t *testing.T) {
	payload := make([]byte, 1350)
	buf := make([]byte, 0, 1500)
	for _, f := range packetForms(t)[1:] { // a salted datagram has its own key
		var most float64
		if f.name == "random" {
			x := mustAEAD(t, aead.XChaCha20Poly1305)
			nonce := make([]byte, 24)
			most = testing.AllocsPerRun(100, func() { x.Seal(buf, nonce, payload, nil) })
		}
		got := testing.AllocsPerRun(100, func() {
			packet, err := f.seal(buf, payload)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.open(packet[f.headroom:f.headroom], packet); err != nil {
				t.Fatal(err)
			}
		})
		if got > 2*most {
			t.Errorf("%s: %v allocations, the AEAD alone makes %v", f.name, got, 2*most)
		}
	}
}

// The model: all numbers that were accepted.
func TestReplayWindowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w aead.ReplayWindow
		accepted := map[uint64]bool{}
		highest := uint64(0)
		at := rapid.SampledFrom([]uint64{0, 1000, 1<<63 - 500, 1<<64 - 3000}).Draw(t, "start")
		for range 300 {
			step := rapid.Int64Range(-1200, 200).Draw(t, "step")
			number := at + uint64(step)
			if step < 0 && number > at || step > 0 && number < at {
				continue
			}
			want := !accepted[number] && (number >= highest || highest-number <= aead.ReplayWindowSize)
			if got := w.Accept(number); got != want {
				t.Fatalf("Accept(%d) = %v, want %v, the highest is %d", number, got, want, highest)
			}
			if want {
				accepted[number] = true
				highest = max(highest, number)
			}
			if step > 0 {
				at = number
			}
		}
	})
	var w aead.ReplayWindow
	for _, n := range []uint64{1<<64 - 1, 1<<64 - 1 - aead.ReplayWindowSize} {
		if !w.Accept(n) || w.Accept(n) {
			t.Errorf("Accept(%d) is not once", n)
		}
	}
	if w.Accept(1<<64-2-aead.ReplayWindowSize) || w.Accept(0) {
		t.Error("a number too far behind is accepted")
	}
}

func FuzzPackets(f *testing.F) {
	f.Add([]byte{}, []byte("payload"))
	f.Fuzz(func(t *testing.T, junk, payload []byte) {
		for _, form := range packetForms(t) {
			if got, err := form.open(nil, junk); got != nil || err == nil {
				t.Errorf("%s: junk of %d bytes opens as %x", form.name, len(junk), got)
			}
			packet, err := form.seal(nil, payload)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := form.open(nil, slices.Clone(packet)); err != nil || !bytes.Equal(got, payload) {
				t.Errorf("%s: %x, %v, want %x", form.name, got, err, payload)
			}
		}
	})
}
