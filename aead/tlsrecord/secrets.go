package tlsrecord

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"

	"github.com/headrace-go/headrace/aead"
)

// A secretLog is the KeyLogWriter of one connection: it is how crypto/tls gives
// secrets away.
type secretLog struct {
	user  io.Writer // what the caller's Config has
	found [2]secret // of the client's traffic, and the server's
	odd   bool      // something was not as it should be
}

// A secret is a traffic secret, of n bytes.
type secret struct {
	b [maxSecret]byte
	n int
}

const (
	byClient = iota
	byServer
)

var secretLabels = [2]string{"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"}

// Write takes one line of the log, and hands it on. It wipes it then: crypto/tls
// has made it for this call, and does nothing more with it (TestKeyLogLine).
func (l *secretLog) Write(line []byte) (n int, err error) {
	n = len(line)
	if l.user != nil {
		n, err = l.user.Write(line)
	}
	for i, label := range secretLabels {
		if rest, ok := bytes.CutPrefix(line, []byte(label)); ok {
			l.note(&l.found[i], bytes.Fields(rest))
		}
	}
	clear(line)
	return n, err
}

// note takes the secret out of a line's fields: the client's random, and the
// secret, both in hexadecimal.
func (l *secretLog) note(s *secret, fields [][]byte) {
	if s.n != 0 || len(fields) != 2 || hex.DecodedLen(len(fields[1])) > maxSecret {
		l.odd = true
		return
	}
	var err error
	if s.n, err = hex.Decode(s.b[:], fields[1]); err != nil {
		l.odd = true
	}
}

// complete reports whether both secrets are there, with the length of s.
func (l *secretLog) complete(s *suite) bool {
	return !l.odd && l.found[byClient].n == s.size && l.found[byServer].n == s.size
}

func (l *secretLog) wipe() {
	for i := range l.found {
		clear(l.found[i].b[:])
		l.found[i].n = 0
	}
}

// trial returns what looks for the first records of a side, once the secrets are
// known.
func (l *secretLog) trial(side int) *trial {
	if l.found[byClient].n == 0 || l.found[byServer].n == 0 {
		return nil
	}
	return &trial{secret: l.found[side]}
}

// A trial finds out how many records tls.Conn has sealed under a traffic
// secret by the end of the handshake, such as session tickets: nothing tells so,
// but each of them opens under it with the next number, and no other record does.
type trial struct {
	secret secret
	kept   [][]byte // records that may be so sealed: the suite is not known yet
	odd    bool
}

// look sees what tls.Conn writes.
func (t *trial) look(p []byte) {
	if t == nil {
		return
	}
	for len(p) > 0 {
		n := headerSize
		if len(p) >= headerSize {
			n += int(binary.BigEndian.Uint16(p[3:]))
		}
		if n > len(p) {
			t.odd = true // it has always written whole records
			return
		}
		if p[0] == typeApplication {
			t.kept = append(t.kept, bytes.Clone(p[:n]))
		}
		p = p[n:]
	}
}

// count returns how many records were sealed under the secret. It reports
// false if they are not in order.
func (t *trial) count(s *suite) (n uint64, ok bool) {
	if t == nil {
		return 0, true
	}
	k := newKeys(s, t.secret.b[:t.secret.n])
	defer k.wipe()
	a, iv, err := k.derive()
	if err != nil || t.odd {
		return 0, false
	}
	for _, record := range t.kept {
		o, err := aead.NewOpener(a, aead.StaticIV(iv[:], n))
		if err != nil {
			return 0, false
		}
		_, err = o.Open(make([]byte, 0, len(record)), record[headerSize:], record[:headerSize])
		switch {
		case err == nil:
			n++
		case n > 0:
			return 0, false
		}
	}
	return n, true
}

func (t *trial) wipe() {
	if t != nil {
		clear(t.secret.b[:])
		t.kept = nil
	}
}

// logInto returns a Config like c whose secrets go to l as well.
func logInto(c *tls.Config, l *secretLog) *tls.Config {
	c = c.Clone()
	l.user = c.KeyLogWriter
	c.KeyLogWriter = l
	return c
}
