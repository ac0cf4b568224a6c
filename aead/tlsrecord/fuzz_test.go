package tlsrecord_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/headrace-go/headrace/aead/tlsrecord"
	"github.com/headrace-go/headrace/internal/faultconn"
)

// A plan is a stream of records as a fuzzer has it, and what has to come of it.
// Each step takes three bytes: a kind, and two that say how long or where.
type plan struct {
	wire    []byte
	want    []byte         // what can be read
	alert   tls.AlertError // that we end with, if there is one
	remote  bool           // the alert is the peer's
	ended   bool           // by close_notify
	stopped bool           // nothing behind this is looked at
	updates int
}

// makePlan is the slow twin of a reader: it knows what each record means when
// it makes it, and does not look at what it has sealed.
func makePlan(f *tlsrecord.Forger, steps []byte) (p plan) {
	useless := 0
	end := func(alert tls.AlertError) {
		if !p.stopped {
			p.alert, p.stopped = alert, true
		}
	}
	waste := func() {
		if useless++; useless > 16 {
			end(10)
		}
	}
	for len(steps) >= 3 && len(p.wire) < 1<<18 {
		kind, n := steps[0]%16, int(steps[1])<<8|int(steps[2])
		steps = steps[3:]
		var record []byte
		switch kind {
		case 0, 1, 2: // content
			content := bytes.Repeat([]byte{byte(n), byte(n >> 8), kind}, n%16384/3)
			record = f.Seal(typeApplication, content)
			switch {
			case p.stopped:
			case len(content) == 0:
				waste()
			default:
				useless = 0
				p.want = append(p.want, content...)
			}
		case 3: // with padding
			record = f.SealInner(append([]byte{'p', 0, typeApplication}, make([]byte, n%16382)...))
			if !p.stopped {
				useless = 0
				p.want = append(p.want, 'p', 0)
			}
		case 4: // key update
			record = f.Seal(typeHandshake, []byte{24, 0, 0, 1, byte(n % 2)})
			f.NextKey()
			if !p.stopped {
				if waste(); !p.stopped {
					p.updates++
				}
			}
		case 5: // ticket
			record = f.Seal(typeHandshake, ticketMessage(10, n%16000))
			if !p.stopped {
				waste()
			}
		case 6: // two in one record
			record = f.Seal(typeHandshake, append(ticketMessage(10, 10), ticketMessage(20, n%1000)...))
			if !p.stopped {
				waste()
			}
		case 7: // one in two
			whole := ticketMessage(10, n%16000)
			cut := 1 + n%(len(whole)-1)
			record = append(f.Seal(typeHandshake, whole[:cut]), f.Seal(typeHandshake, whole[cut:])...)
			if !p.stopped {
				waste()
				waste()
			}
		case 8: // warning
			record = f.Seal(typeAlert, []byte{byte(n % 3), 90})
			if !p.stopped {
				waste()
			}
		case 9:
			if n%4 != 0 {
				continue // few streams end early
			}
			record = f.Seal(typeAlert, []byte{1, 0})
			p.ended = p.ended || !p.stopped
			p.stopped = true
		case 10:
			if n%4 != 0 {
				continue
			}
			record = f.Seal(typeAlert, []byte{2, byte(n>>8) | 1})
			if byte(n>>8)|1 == 0 || byte(n>>8)|1 == 90 {
				continue
			}
			if !p.stopped {
				p.alert, p.remote, p.stopped = tls.AlertError(byte(n>>8)|1), true, true
			}
		case 11: // a flipped bit behind the header
			record = f.Seal(typeApplication, []byte("flipped"))
			at := 5*8 + n%(8*(len(record)-5))
			record[at/8] ^= 1 << (at % 8)
			end(20)
		case 12: // a record of another type
			typ := byte(25 + n%200)
			record = f.Seal(typ, []byte{1, 2})
			end(10)
		case 13: // in the clear
			record = []byte{byte(n), 3, 3, 0, 2, 1, 0}
			if byte(n) == typeApplication {
				end(20)
			} else {
				end(10)
			}
		case 14: // too long
			record = []byte{typeApplication, 3, 3, 0x41 + byte(n%100), 1}
			end(22)
		case 15: // a message that nobody may send
			record = f.Seal(typeHandshake, []byte{13, 0, 0, 1, 0})
			if !p.stopped {
				// It is the seventeenth, or it is refused for what it is.
				end(10)
			}
		}
		p.wire = append(p.wire, record...)
	}
	return p
}

// FuzzReader compares what a reader makes of a stream of records, read in
// pieces of many sizes by each of its methods, with what its twin expects.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0, 1, 2, 0, 4, 0, 0, 3, 0, 9, 0, 9, 0, 0}, uint16(7), uint8(0))
	f.Add([]byte{4, 0, 1, 0, 100, 0, 7, 0, 50, 1, 255, 255, 5, 1, 1, 8, 0, 0, 10, 40, 0}, uint16(20000), uint8(1))
	f.Add(bytes.Repeat([]byte{6, 0, 3}, 20), uint16(1), uint8(2))
	f.Add([]byte{3, 63, 255, 2, 10, 10, 11, 1, 2}, uint16(300), uint8(3))
	for mode := range uint8(4) {
		f.Add(bytes.Repeat([]byte{0, 0x12, 0x34, 3, 1, 0, 1, 3, 0}, 9), uint16(60_000), mode)
	}
	f.Fuzz(func(t *testing.T, steps []byte, size uint16, mode uint8) {
		suite := tlsrecord.Suites()[int(size)%len(tlsrecord.Suites())]
		p := makePlan(tlsrecord.NewForger(suite, false), steps)
		a, b := faultconn.Pair(len(p.wire) + 100) // there is room for an alert
		c := tlsrecord.NewBare(faultconn.Wrap(a, faultconn.Plan{Read: faultconn.Script{MaxBytes: 1 + int(size)*3, Seed: uint64(mode) + 1}}),
			suite, true, tlsrecord.Config{StrictEnd: true})
		defer b.Close()
		defer c.Abort()
		if _, err := b.Write(p.wire); err != nil {
			t.Fatal(err)
		}
		b.CloseWrite()
		var got bytes.Buffer
		var err error
		switch mode % 4 {
		case 0:
			_, err = io.CopyBuffer(&got, struct{ io.Reader }{c}, make([]byte, 1+int(size)))
		case 1:
			_, err = c.WriteTo(&got)
		case 2:
			_, err = io.Copy(&got, iotest.OneByteReader(io.LimitReader(c, 2000)))
			if err == nil {
				_, err = io.CopyBuffer(&got, struct{ io.Reader }{c}, make([]byte, 1+int(size)))
			}
		case 3: // now and then by Step, of what a Read has left
			for err == nil {
				var n int
				buf := make([]byte, 1+int(size)%5000)
				n, err = c.Read(buf)
				got.Write(buf[:n])
				if err == nil {
					_, err = c.Step(&got, 1000)
				}
			}
			if err == io.EOF {
				err = nil
			}
		}
		if !bytes.Equal(got.Bytes(), p.want) {
			t.Fatalf("read %d bytes, want %d (%v)", got.Len(), len(p.want), err)
		}
		alert, isAlert := errors.AsType[tls.AlertError](err)
		switch {
		case p.ended:
			if err != nil {
				t.Fatalf("the stream ended with %v, want its end", err)
			}
		case p.stopped:
			if !isAlert || alert != p.alert {
				t.Fatalf("the stream ended with %v, want alert %d", err, p.alert)
			}
		default:
			if err != io.ErrUnexpectedEOF {
				t.Fatalf("the stream ended with %v, want a truncation", err)
			}
		}
		if got := c.Stats().KeysOpened; got != int64(p.updates) {
			t.Fatalf("%d key updates, want %d", got, p.updates)
		}
	})
}

// FuzzWire gives a reader anything at all: none of it is ever content.
func FuzzWire(f *testing.F) {
	f.Add([]byte{23, 3, 3, 0, 20, 1, 2, 3}, uint8(1))
	f.Add(append([]byte{23, 3, 3, 0, 17}, make([]byte, 30)...), uint8(255))
	f.Add([]byte{21, 3, 3, 0, 2, 1, 0}, uint8(0))
	f.Fuzz(func(t *testing.T, wire []byte, size uint8) {
		a, b := faultconn.Pair(len(wire) + 100) // there is room for an alert
		c := tlsrecord.NewBare(a, tlsrecord.Suites()[int(size)%3], size%2 == 0, tlsrecord.Config{StrictEnd: true})
		defer b.Close()
		defer c.Abort()
		if _, err := b.Write(wire); err != nil {
			t.Fatal(err)
		}
		b.CloseWrite()
		buf := make([]byte, 1+int(size)*100)
		n, err := c.Read(buf)
		_, isAlert := errors.AsType[tls.AlertError](err)
		if n != 0 || err != io.ErrUnexpectedEOF && !isAlert {
			t.Fatalf("Read = %d, %v", n, err)
		}
		if !zero(buf) {
			t.Fatal("something is left in the reader's memory")
		}
	})
}

// FuzzTicket compares the parser of tickets with crypto/tls's: what that reads,
// it is given.
func FuzzTicket(f *testing.F) {
	f.Add(ticketMessage(10, 10)[4:])
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 7, 0, 8, 0, 42, 0, 4, 1, 2, 3, 4})
	f.Add([]byte{1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) == 0 || len(body) > 1000 {
			return
		}
		message := append([]byte{4, 0, byte(len(body) >> 8), byte(len(body))}, body...)
		cc, sc := configs()
		sc.SessionTicketsDisabled = true
		results := [2]error{}
		var stored [2]int64
		for i, client := range []maker{ourClient, stdClient} {
			cache := newCountingCache()
			cc.ClientSessionCache = cache
			a, b := faultconn.Pair(0)
			c, s := shake(t, a, b, client, ourServer, cc, sc)
			if err := tlsrecord.SendMessage(s.(*tlsrecord.Conn), message); err != nil {
				t.Fatal(err)
			}
			if err := write(s, "x"); err != nil {
				t.Fatal(err)
			}
			_, results[i] = c.Read(make([]byte, 1))
			stored[i] = cache.puts.Load()
			s.(*tlsrecord.Conn).Abort()
			a.Close()
		}
		if (results[0] == nil) != (results[1] == nil) || stored[0] != stored[1] {
			t.Fatalf("ours: %v, %d sessions; crypto/tls: %v, %d", results[0], stored[0], results[1], stored[1])
		}
	})
}
