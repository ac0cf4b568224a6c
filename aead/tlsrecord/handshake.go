package tlsrecord

import (
	"context"
	"crypto/fips140"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// Client runs crypto/tls's handshake with a server over raw, and returns the
// connection. It does what HandshakeContext of a tls.Client does: ctx bounds
// the handshake and nothing after it, deadlines of raw hold, and errors are
// crypto/tls's. config is not changed, and must not be while it is in use;
// ClientSessionCache is told of the server's tickets.
//
// raw belongs to the Conn if there is one. After an error it is still the
// caller's, to be closed; if ctx has ended it is closed already.
func Client(ctx context.Context, raw net.Conn, config *tls.Config, cfg Config) (*Conn, error) {
	if err := cfg.normalize(); err != nil {
		return nil, err
	}
	if config == nil {
		config = new(tls.Config)
	}
	h := handshake{cfg: cfg, feeder: newFeeder(raw, byClient, cfg.Pool), used: config}
	if h.left() == "" {
		config = logInto(config, &h.feeder.log)
	}
	return h.run(ctx, tls.Client(h.feeder, config))
}

// Server is Client for the other side. Many connections may be given the same
// config, as those of a listener are: its ticket keys are used and rotated as
// crypto/tls would do it, and SetSessionTicketKeys is heeded by the next
// handshake. What its functions are told of a ClientHello has raw as Conn.
func Server(ctx context.Context, raw net.Conn, config *tls.Config, cfg Config) (*Conn, error) {
	if err := cfg.normalize(); err != nil {
		return nil, err
	}
	if config == nil {
		config = new(tls.Config)
	}
	h := handshake{cfg: cfg, feeder: newFeeder(raw, byServer, cfg.Pool), used: config}
	if h.left() == "" {
		config = h.serverConfig(config)
	}
	return h.run(ctx, tls.Server(h.feeder, config))
}

// serverConfig returns the Config for one connection. It has the ticket keys of
// base: a Config that makes its keys itself shares them with its clones, once
// they are made, and asking it for any ticket makes and rotates them
// (TestAutomaticTicketKeys).
func (h *handshake) serverConfig(base *tls.Config) *tls.Config {
	_, _ = base.DecryptTicket(nil, tls.ConnectionState{})
	config := logInto(base, &h.feeder.log)
	h.hideIn(config)
	if choose := config.GetConfigForClient; choose != nil {
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hello)
			if chosen != nil {
				h.used = chosen
				chosen = logInto(chosen, &h.feeder.log)
				h.hideIn(chosen)
			}
			return chosen, err
		}
	}
	return config
}

// hideIn has config's functions see the connection that the caller knows.
func (h *handshake) hideIn(config *tls.Config) {
	config.GetCertificate = hide(h.feeder, config.GetCertificate)
	config.GetConfigForClient = hide(h.feeder, config.GetConfigForClient)
	config.GetEncryptedClientHelloKeys = hide(h.feeder, config.GetEncryptedClientHelloKeys)
}

func hide[T any](f *feeder, call func(*tls.ClientHelloInfo) (T, error)) func(*tls.ClientHelloInfo) (T, error) {
	if call == nil {
		return nil
	}
	return func(hello *tls.ClientHelloInfo) (T, error) {
		if hello.Conn == net.Conn(f) {
			hello.Conn = f.Conn
		}
		return call(hello)
	}
}

// A handshake is what becomes a Conn.
type handshake struct {
	cfg    Config
	feeder *feeder
	used   *tls.Config // the caller's, or the one that it chose for the client
}

// left says why the records are left to crypto/tls whatever is negotiated, and
// is empty if they may be taken over.
func (h *handshake) left() string {
	switch {
	case h.cfg.NoTakeover:
		return "Config.NoTakeover"
	case disabled():
		return Variable + "=std"
	case fips140.Enabled():
		return "FIPS 140 mode"
	}
	return ""
}

func (h *handshake) run(ctx context.Context, top *tls.Conn) (*Conn, error) {
	if err := top.HandshakeContext(ctx); err != nil {
		return nil, h.fail(err)
	}
	state := top.ConnectionState()
	c := &Conn{raw: h.feeder.Conn, side: h.feeder.side, state: &state}
	why := h.takeOver(c, top)
	if why != "" {
		h.feeder.pass()
		c.top, c.why = top, why
	}
	return c, nil
}

// fail lets go of what a handshake has held, and has its error name the
// caller's connection.
func (h *handshake) fail(err error) error {
	f := h.feeder
	f.log.wipe()
	f.trial.wipe()
	f.r = f.w
	f.drop()
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok && e.Conn == net.Conn(f) {
		e.Conn = f.Conn
		return e
	}
	return err
}

// takeOver makes c protect the records itself. If it cannot, it says why, and
// top goes on as it is.
func (h *handshake) takeOver(c *Conn, top *tls.Conn) (why string) {
	if why := h.left(); why != "" {
		return why
	}
	f := h.feeder
	s := suiteOf(c.state.CipherSuite)
	switch {
	case c.state.Version != tls.VersionTLS13:
		return tls.VersionName(c.state.Version)
	case s == nil:
		return "the cipher suite " + tls.CipherSuiteName(c.state.CipherSuite)
	case !f.log.complete(s):
		return "crypto/tls did not tell the secrets as expected"
	case f.left != 0:
		return "crypto/tls has read a part of a record"
	}
	sealed, ok := f.trial.count(s)
	if !ok {
		return "crypto/tls has sealed records in another order"
	}
	theirs := newKeys(s, f.log.found[1-f.side].b[:s.size])
	ours := newKeys(s, f.log.found[f.side].b[:s.size])
	defer theirs.wipe()
	defer ours.wipe()
	ours.most = h.cfg.keyLimit
	if err := c.out.init(c, h, ours, sealed); err != nil {
		return fmt.Sprintf("no cipher for writing: %v", err)
	}
	if err := c.in.init(c, h, theirs); err != nil {
		c.out.keys.wipe()
		return fmt.Sprintf("no cipher for reading: %v", err)
	}
	if f.side == byClient && h.used.ClientSessionCache != nil && !h.used.SessionTicketsDisabled {
		if err := c.in.tickets.init(f, top, theirs); err != nil {
			c.out.keys.wipe()
			c.in.keys.wipe()
			return fmt.Sprintf("no cipher for tickets: %v", err)
		}
	}
	c.in.arrive(c.raw, h, f)
	return ""
}
