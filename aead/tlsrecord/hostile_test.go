package tlsrecord_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/faultconn"
)

const (
	typeAlert       = 21
	typeHandshake   = 22
	typeApplication = 23
)

// A rig is a bare Conn with a forger at its other end.
type rig struct {
	*tlsrecord.Conn
	*tlsrecord.Forger
	wire *faultconn.Endpoint
}

func newRig(t testing.TB, suite uint16, client bool, cfg tlsrecord.Config) *rig {
	t.Helper()
	return newRigWith(t, 1<<20, suite, client, cfg)
}

// newRigWith is newRig with so many bytes of room each way, which are held until
// the test ends.
func newRigWith(t testing.TB, room int, suite uint16, client bool, cfg tlsrecord.Config) *rig {
	t.Helper()
	a, b := faultconn.Pair(room)
	r := &rig{tlsrecord.NewBare(a, suite, client, cfg), tlsrecord.NewForger(suite, !client), b}
	t.Cleanup(func() {
		r.Abort()
		b.Close()
	})
	return r
}

// send puts bytes on the wire.
func (r *rig) send(t testing.TB, records ...[]byte) {
	t.Helper()
	for _, b := range records {
		if _, err := r.wire.Write(b); err != nil {
			t.Fatal(err)
		}
	}
}

// said returns what the Conn has written, until it is closed.
func (r *rig) said(t testing.TB) []byte {
	t.Helper()
	r.Abort()
	b, err := io.ReadAll(r.wire)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// died checks that reading has failed with a local alert, that it stays so,
// that nothing can be written any more, and that the peer was told.
func (r *rig) died(t testing.TB, err error, want tls.AlertError) {
	t.Helper()
	check := func(what string, err error) {
		t.Helper()
		op, ok := errors.AsType[*net.OpError](err)
		alert, isAlert := errors.AsType[tls.AlertError](err)
		if !ok || op.Op != "local error" || !isAlert || alert != want {
			t.Fatalf("%s: %v, want the local error %v", what, err, want)
		}
	}
	check("Read", err)
	_, again := r.Read(make([]byte, 1))
	check("Read again", again)
	_, werr := r.Write([]byte("x"))
	check("Write", werr)
	content, typ, rest, oerr := r.Open(r.said(t))
	if oerr != nil || typ != typeAlert || !bytes.Equal(content, []byte{2, byte(want)}) || len(rest) > 0 {
		t.Fatalf("the peer was told %v (type %d, error %v, %d bytes more), want a fatal %d", content, typ, oerr, len(rest), want)
	}
}

// Any bit that is not as it was sealed ends the connection, and nothing of the
// record is handed out or left in the reader's memory.
func TestEveryFlippedBit(t *testing.T) {
	for _, suite := range tlsrecord.Suites() {
		for _, large := range []bool{false, true} { // opened in place, or where it is read to
			secret := []byte("attack at dawn, from the east")
			size := len(tlsrecord.NewForger(suite, true).Seal(typeApplication, secret))
			for bit := range size * 8 {
				r := newRigWith(t, 64<<10, suite, false, tlsrecord.Config{})
				record := r.Seal(typeApplication, secret)
				record[bit/8] ^= 1 << (bit % 8)
				want := tls.AlertError(20) // bad_record_mac
				switch {
				case bit < 8:
					want = 10 // unexpected_message: the type
				case bit < 24:
					want = 70 // protocol_version
				case bit == 31:
					want = 22 // record_overflow: 32 KiB longer
				}
				// One that claims to be longer takes what follows for its end.
				r.send(t, record, make([]byte, 17<<10))
				buf := make([]byte, 10)
				if large {
					buf = make([]byte, 20_000)
				}
				n, err := r.Read(buf)
				if n != 0 {
					t.Fatalf("bit %d: read %q", bit, buf[:n])
				}
				r.died(t, err, want)
				if i := slices.IndexFunc(buf, func(b byte) bool { return b != 0 }); i >= 0 {
					t.Fatalf("bit %d: byte %d of the reader's memory is %d", bit, i, buf[i])
				}
			}
		}
	}
}

// Whatever is wrong with the records of a peer who has the keys.
func TestWrongRecords(t *testing.T) {
	plain := func(typ byte, content ...byte) func(r *rig) []byte {
		return func(*rig) []byte { return append([]byte{typ, 3, 3, 0, byte(len(content))}, content...) }
	}
	sealed := func(typ byte, content ...byte) func(r *rig) []byte {
		return func(r *rig) []byte { return r.Seal(typ, content) }
	}
	inner := func(inner []byte) func(r *rig) []byte {
		return func(r *rig) []byte { return r.SealInner(inner) }
	}
	full := bytes.Repeat([]byte{7}, 16<<10)
	tests := []struct {
		name   string
		record func(r *rig) []byte
		want   tls.AlertError
	}{
		{"duplicate", func(r *rig) []byte { b := r.Seal(typeApplication, []byte("x")); return append(b, b...) }, 20},
		{"out of order", func(r *rig) []byte {
			first := r.Seal(typeApplication, []byte("1"))
			return append(r.Seal(typeApplication, []byte("2")), first...)
		}, 20},
		{"one missing", func(r *rig) []byte { r.Seal(typeApplication, nil); return r.Seal(typeApplication, []byte("x")) }, 20},
		{"another key", func(r *rig) []byte { r.NextKey(); return r.Seal(typeApplication, []byte("x")) }, 20},
		{"alert in the clear", plain(typeAlert, 1, 0), 10},
		{"fatal alert in the clear", plain(typeAlert, 2, 40), 10},
		{"change_cipher_spec in the clear", plain(20, 1), 10},
		{"handshake in the clear", plain(typeHandshake, 24, 0, 0, 1, 0), 10},
		{"another version", func(r *rig) []byte { b := r.Seal(typeApplication, nil); b[2] = 4; return b }, 70},
		{"shorter than a tag", plain(typeApplication, make([]byte, 15)...), 20},
		{"empty", plain(typeApplication), 20},
		{"longer than TLS allows", func(*rig) []byte { return []byte{typeApplication, 3, 3, 0x41, 0x01} }, 22},
		{"more content than TLS allows", inner(append(slices.Clone(full), 7, typeApplication)), 22},
		{"longer padding than TLS allows", inner(append(append(slices.Clone(full), typeApplication), 0)), 22},
		{"padding alone", inner(make([]byte, 100)), 10},
		{"nothing inside", inner(nil), 10},
		{"unknown type", sealed(99, 1, 2, 3), 10},
		{"heartbeat", sealed(24, 1, 2, 3), 10},
		{"sealed change_cipher_spec", sealed(20, 1), 10},
		{"empty handshake", sealed(typeHandshake), 10},
		{"empty alert", sealed(typeAlert), 10},
		{"short alert", sealed(typeAlert, 1), 10},
		{"two alerts", sealed(typeAlert, 1, 0, 1, 0), 10},
		{"ClientHello", sealed(typeHandshake, 1, 0, 0, 1, 0), 10},
		{"CertificateRequest", sealed(typeHandshake, 13, 0, 0, 3, 0, 0, 0), 10},
		{"Finished", sealed(typeHandshake, 20, 0, 0, 1, 0), 10},
		{"ticket for a server", sealed(typeHandshake, 4, 0, 0, 1, 0), 10},
		{"empty KeyUpdate", sealed(typeHandshake, 24, 0, 0, 0), 50},
		{"long KeyUpdate", sealed(typeHandshake, 24, 0, 0, 2, 0, 0), 50},
		{"KeyUpdate of another kind", sealed(typeHandshake, 24, 0, 0, 1, 2), 47},
		{"message behind a KeyUpdate", sealed(typeHandshake, 24, 0, 0, 1, 0, 24), 10},
		{"huge message", sealed(typeHandshake, 4, 2, 0, 0), 80},
		{"data inside a message", func(r *rig) []byte {
			return append(r.Seal(typeHandshake, []byte{24, 0}), r.Seal(typeApplication, []byte("x"))...)
		}, 10},
		{"alert inside a message", func(r *rig) []byte {
			return append(r.Seal(typeHandshake, []byte{24, 0}), r.Seal(typeAlert, []byte{1, 0})...)
		}, 10},
		{"empty data inside a message", func(r *rig) []byte {
			return append(r.Seal(typeHandshake, []byte{24, 0}), r.Seal(typeApplication, nil)...)
		}, 10},
	}
	for _, tt := range tests {
		for _, suite := range tlsrecord.Suites() {
			t.Run(fmt.Sprintf("%s/%s", tt.name, tls.CipherSuiteName(suite)), func(t *testing.T) {
				r := newRig(t, suite, false, tlsrecord.Config{})
				good := r.Seal(typeApplication, []byte("good"))
				r.send(t, good, tt.record(r))
				// What came before is handed out, and then the error.
				buf := make([]byte, 20_000)
				got := []byte(nil)
				var err error
				for err == nil {
					var n int
					n, err = r.Read(buf)
					got = append(got, buf[:n]...)
				}
				if !bytes.HasPrefix(got, []byte("good")) || len(got) > 5 {
					t.Fatalf("read %q", got)
				}
				r.died(t, err, tt.want)
			})
		}
	}
}

// Padding of any length is taken off.
func TestPadding(t *testing.T) {
	r := newRig(t, tlsrecord.Suites()[0], false, tlsrecord.Config{})
	for _, padding := range []int{0, 1, 15, 16, 1000, 16<<10 - 5} {
		inner := append([]byte("data\x00"), typeApplication)
		r.send(t, r.SealInner(append(inner, make([]byte, padding)...)))
		buf := make([]byte, 10)
		if n, err := r.Read(buf); err != nil || string(buf[:n]) != "data\x00" {
			t.Fatalf("padding of %d: %q, %v", padding, buf[:n], err)
		}
	}
}

// Records that bring nothing are endured, sixteen in a row and no more.
func TestFloods(t *testing.T) {
	floods := []struct {
		name string
		next func(r *rig) []byte
	}{
		{"empty records", func(r *rig) []byte { return r.Seal(typeApplication, nil) }},
		{"padded empty records", func(r *rig) []byte { return r.SealInner(append([]byte{typeApplication}, make([]byte, 16000)...)) }},
		{"warnings", func(r *rig) []byte { return r.Seal(typeAlert, []byte{1, 90}) }},
		{"key updates", func(r *rig) []byte {
			b := r.Seal(typeHandshake, []byte{24, 0, 0, 1, 1})
			r.NextKey()
			return b
		}},
		{"tickets", func(r *rig) []byte { return r.Seal(typeHandshake, ticketMessage(60, 100)) }},
		{"parts of a message", func(r *rig) []byte { return r.Seal(typeHandshake, []byte{4, 0, 255, 255, 1}[:1]) }},
	}
	for _, flood := range floods {
		t.Run(flood.name, func(t *testing.T) {
			for _, client := range []bool{true, false} {
				if flood.name == "tickets" && !client || flood.name == "parts of a message" {
					continue
				}
				r := newRig(t, tlsrecord.Suites()[0], client, tlsrecord.Config{})
				for range 3 {
					for range 16 {
						r.send(t, flood.next(r))
					}
					r.send(t, r.Seal(typeApplication, []byte("x")))
					if n, err := r.Read(make([]byte, 100)); n != 1 || err != nil {
						t.Fatalf("Read = %d, %v", n, err)
					}
				}
				for range 17 {
					r.send(t, flood.next(r))
				}
				_, err := r.Read(make([]byte, 1))
				r.died(t, err, 10)
			}
		})
	}
	// A message that never ends keeps 64 KiB at most, and sixteen records.
	r := newRig(t, tlsrecord.Suites()[0], true, tlsrecord.Config{})
	r.send(t, r.Seal(typeHandshake, []byte{4, 1, 0, 0}))
	for range 16 {
		r.send(t, r.Seal(typeHandshake, []byte{0}))
	}
	_, err := r.Read(make([]byte, 1))
	r.died(t, err, 10)
}

// However many key updates ask for an answer, there is one, in front of what is
// written next.
func TestAnswersAreFew(t *testing.T) {
	r := newRig(t, tlsrecord.Suites()[0], false, tlsrecord.Config{})
	for range 10 {
		r.send(t, r.Seal(typeHandshake, []byte{24, 0, 0, 1, 1}))
		r.NextKey()
	}
	r.send(t, r.Seal(typeApplication, []byte("x")))
	if n, err := r.Read(make([]byte, 100)); n != 1 || err != nil {
		t.Fatalf("Read = %d, %v", n, err)
	}
	for range 2 {
		if _, err := r.Write([]byte("answer")); err != nil {
			t.Fatal(err)
		}
	}
	content, typ, rest, err := r.Open(r.said(t))
	if err != nil || typ != typeHandshake || !bytes.Equal(content, []byte{24, 0, 0, 1, 0}) {
		t.Fatalf("first said: %v, type %d, %v", content, typ, err)
	}
	r.NextOpenKey()
	for range 2 {
		if content, typ, rest, err = r.Open(rest); err != nil || typ != typeApplication || string(content) != "answer" {
			t.Fatalf("then said: %q, type %d, %v", content, typ, err)
		}
	}
	if len(rest) > 0 {
		t.Fatalf("%d bytes more", len(rest))
	}
}

// An alert of the peer's ends the connection both ways, and is told from our
// own.
func TestRemoteAlert(t *testing.T) {
	r := newRig(t, tlsrecord.Suites()[0], false, tlsrecord.Config{})
	r.send(t, r.Seal(typeApplication, []byte("last words")), r.Seal(typeAlert, []byte{2, 46}))
	buf := make([]byte, 100)
	n, err := r.Read(buf)
	if string(buf[:n]) != "last words" || err != nil {
		t.Fatalf("Read = %q, %v", buf[:n], err)
	}
	for range 2 {
		_, err = r.Read(buf)
		op, ok := errors.AsType[*net.OpError](err)
		alert, isAlert := errors.AsType[tls.AlertError](err)
		if !ok || op.Op != "remote error" || !isAlert || alert != 46 {
			t.Fatalf("Read = %v, want the remote error certificate_unknown", err)
		}
		if err.Error() != "remote error: tls: unknown certificate" {
			t.Fatalf("the error reads %q", err)
		}
	}
	if _, werr := r.Write([]byte("x")); werr == nil || werr.Error() != err.Error() {
		t.Fatalf("Write = %v, want %v", werr, err)
	}
	if said := r.said(t); len(said) > 0 {
		t.Fatalf("the peer was answered %d bytes", len(said))
	}
}

// The end of a stream, and one that only looks like it.
func TestEnds(t *testing.T) {
	for _, strict := range []bool{false, true} {
		for _, part := range []int{0, 1, 4, 5, 6, 20, 30} {
			r := newRig(t, tlsrecord.Suites()[0], false, tlsrecord.Config{StrictEnd: strict})
			r.send(t, r.Seal(typeApplication, []byte("x")))
			r.send(t, r.Seal(typeApplication, make([]byte, 100))[:part])
			r.wire.CloseWrite()
			buf := make([]byte, 100)
			if n, err := r.Read(buf); n != 1 || err != nil {
				t.Fatalf("Read = %d, %v", n, err)
			}
			want := io.ErrUnexpectedEOF
			if part == 0 && !strict {
				want = io.EOF
			}
			for range 2 {
				if n, err := r.Read(buf); n != 0 || err != want {
					t.Fatalf("strict %v, %d bytes of a record: Read = %d, %v, want %v", strict, part, n, err, want)
				}
			}
			if r.Stats().Notified {
				t.Fatal("Stats: there was no alert")
			}
		}
		// What comes behind the alert is not looked at.
		r := newRig(t, tlsrecord.Suites()[0], false, tlsrecord.Config{StrictEnd: strict})
		r.send(t, r.Seal(typeApplication, []byte("x")), r.Seal(typeAlert, []byte{1, 0}), []byte("garbage"))
		buf := make([]byte, 100)
		n, err := r.Read(buf)
		if n != 1 || err != nil && err != io.EOF {
			t.Fatalf("Read = %d, %v", n, err)
		}
		if n, err := r.Read(buf); n != 0 || err != io.EOF || !r.Stats().Notified {
			t.Fatalf("Read = %d, %v, want io.EOF; Stats: %+v", n, err, r.Stats())
		}
		if _, err := r.Write([]byte("still here")); err != nil {
			t.Fatalf("Write after the peer's end: %v", err)
		}
	}
}

// ticketMessage is a NewSessionTicket with a lifetime and a label so long.
func ticketMessage(seconds byte, label int) []byte {
	body := []byte{0, 0, 0, seconds, 1, 2, 3, 4, 0, byte(label >> 8), byte(label)}
	body = append(append(body, make([]byte, label)...), 0, 0)
	return append([]byte{4, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
}
