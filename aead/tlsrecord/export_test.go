package tlsrecord

import (
	"crypto/tls"
	"net"

	"github.com/headrace-go/headrace/internal/burst"
)

// Suites are the cipher suites that are taken over.
func Suites() (out []uint16) {
	for _, s := range suites {
		out = append(out, s.id)
	}
	return out
}

// WithKeyLimit returns cfg with a limit of records under one key.
func WithKeyLimit(cfg Config, records uint64) Config {
	cfg.keyLimit = records
	return cfg
}

// testSecret is the secret of a side in NewBare.
func testSecret(s *suite, side int) keys {
	secret := make([]byte, s.size)
	for i := range secret {
		secret[i] = byte(i + 100*side)
	}
	return newKeys(s, secret)
}

// NewBare returns a Conn over raw as if a handshake had just agreed on a suite
// and on the secrets that all tests share.
func NewBare(raw net.Conn, id uint16, client bool, cfg Config) *Conn {
	if err := cfg.normalize(); err != nil {
		panic(err)
	}
	s := suiteOf(id)
	c := &Conn{raw: raw, side: byServer, state: &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: id}}
	if client {
		c.side = byClient
	}
	f := newFeeder(raw, c.side, cfg.Pool)
	h := &handshake{cfg: cfg, feeder: f, used: &tls.Config{DynamicRecordSizingDisabled: true}}
	ours := testSecret(s, c.side)
	ours.most = cfg.keyLimit
	if err := c.out.init(c, h, ours, 0); err != nil {
		panic(err)
	}
	if err := c.in.init(c, h, testSecret(s, 1-c.side)); err != nil {
		panic(err)
	}
	c.in.arrive(raw, h, f)
	return c
}

// A Forger makes and opens the records of the peer of a bare Conn, good ones
// and bad ones.
type Forger struct {
	out sealing
	in  opening
}

// NewForger returns a Forger that acts as the client, or as the server.
func NewForger(id uint16, client bool) *Forger {
	f, side, s := new(Forger), byServer, suiteOf(id)
	if client {
		side = byClient
	}
	if err := f.out.start(testSecret(s, side), 0); err != nil {
		panic(err)
	}
	if err := f.in.start(testSecret(s, 1-side)); err != nil {
		panic(err)
	}
	return f
}

// Seal returns a record.
func (f *Forger) Seal(typ byte, content []byte) []byte {
	b, err := f.out.append(nil, typ, content...)
	if err != nil {
		panic(err)
	}
	return b
}

// SealInner returns a record with any inner plaintext: content, type, padding.
func (f *Forger) SealInner(inner []byte) []byte {
	b := make([]byte, headerSize, headerSize+len(inner)+16)
	putHeader(b, len(inner)+16)
	b, err := f.out.sealer.Seal(b, inner, b[:headerSize:headerSize])
	if err != nil {
		panic(err)
	}
	return b
}

// NextKey goes over to the next key for what is sealed.
func (f *Forger) NextKey() {
	if err := f.out.next(); err != nil {
		panic(err)
	}
}

// NextOpenKey goes over to the next key for what is opened.
func (f *Forger) NextOpenKey() {
	if err := f.in.next(); err != nil {
		panic(err)
	}
}

// Open opens the record that b begins with, and returns what is behind it.
func (f *Forger) Open(b []byte) (content []byte, typ byte, rest []byte, err error) {
	size, err := recordSize(b)
	if err != nil {
		return nil, 0, nil, err
	}
	content, typ, err = f.in.open(make([]byte, 0, size), b[:size])
	return content, typ, b[size:], err
}

// Arrivals is what a Conn has read and not opened.
func Arrivals(c *Conn) *burst.Arrivals { return &c.in.arrived.Arrivals }

// Secrets returns what a Conn still knows of its secrets.
func Secrets(c *Conn) (in, out []byte) { return c.in.keys.secret[:], c.out.keys.secret[:] }

// HoldsTop reports whether a Conn still holds a tls.Conn.
func HoldsTop(c *Conn) bool { return c.top != nil || c.in.tickets.top != nil }

// SendMessage sends a handshake message, or a part of one.
func SendMessage(c *Conn, part []byte) error {
	c.out.mu.Lock()
	defer c.out.unlock()
	c.out.begin(len(part))
	b, err := c.out.append(c.out.buf[:c.out.n], typeHandshake, part...)
	if err != nil {
		return err
	}
	c.out.n = len(b)
	_, err = c.out.send()
	return err
}
