package connpool

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// The form of a saved cache: sessionMagic, a salt, and one AES-256-GCM
// ciphertext under a key from HKDF-SHA256(secret, salt). The plaintext is one
// entry after the other: identity, session, end in Unix seconds, ticket, session
// state; each but the time with its length in four bytes before it.
const (
	sessionMagic = "headrace sessions 1\n"
	sessionSalt  = 32
	// minSecret is the length of a secret that cannot be guessed.
	minSecret = 16
)

// ErrSessions: what Load was given is no saved SessionCache, is damaged, or was
// saved with another secret.
var ErrSessions = errors.New("connpool: not a saved session cache of this secret")

// Save writes all tickets to w, encrypted and authenticated under secret, of at
// least 16 bytes that nobody can guess. The tickets stay in the cache: whoever
// goes on using it and loads what was saved may show a ticket twice.
func (c *SessionCache) Save(w io.Writer, secret []byte) error {
	var plain bytes.Buffer
	now := c.now()
	for i := range c.shards {
		if err := c.shards[i].save(&plain, now); err != nil {
			return err
		}
	}
	head := make([]byte, len(sessionMagic)+sessionSalt)
	copy(head, sessionMagic)
	_, _ = rand.Read(head[len(sessionMagic):]) // which never fails
	seal, err := sessionCipher(secret, head[len(sessionMagic):])
	if err != nil {
		return err
	}
	_, err = w.Write(seal.Seal(head, make([]byte, seal.NonceSize()), plain.Bytes(), head))
	return err
}

// Load adds the tickets that Save wrote to r, as far as they still live and
// there is room, and returns how many it has read. It reads no more than MaxBytes
// and some. On an error, ErrSessions or r's, nothing was added.
func (c *SessionCache) Load(r io.Reader, secret []byte) (int, error) {
	limit := c.cfg.MaxBytes + 1<<16
	all, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return 0, err
	}
	const n = len(sessionMagic) + sessionSalt
	if int64(len(all)) > limit || len(all) < n || string(all[:len(sessionMagic)]) != sessionMagic {
		return 0, ErrSessions
	}
	open, err := sessionCipher(secret, all[len(sessionMagic):n])
	if err != nil {
		return 0, err
	}
	plain, err := open.Open(nil, make([]byte, open.NonceSize()), all[n:], all[:n])
	if err != nil {
		return 0, ErrSessions
	}
	entries, err := parseSessions(plain)
	if err != nil {
		return 0, err
	}
	now := c.now()
	for _, e := range entries {
		if now.Before(e.ticket.ends) && e.ticket.ends.Sub(now) <= maxTicketLifetime {
			c.shard(e.key).add(e.key, e.ticket, c.cfg.MaxPerServer)
		}
	}
	return len(entries), nil
}

// sessionCipher is for one message: the nonce is zero, the key never comes twice.
func sessionCipher(secret, salt []byte) (cipher.AEAD, error) {
	if len(secret) < minSecret {
		return nil, fmt.Errorf("connpool: a secret of %d bytes can be guessed", len(secret))
	}
	key, err := hkdf.Key(sha256.New, secret, salt, "headrace saved sessions", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// save appends the tickets of a shard, those of the server asked for longest ago
// first: loaded in this order they are as recent as they were.
func (s *sessionShard) save(plain *bytes.Buffer, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for srv := s.recent.front(); srv != nil; srv = s.recent.after(&srv.link) {
		for _, t := range srv.tickets {
			if !now.Before(t.ends) {
				continue
			}
			bytes, session, err := t.state.ResumptionState()
			if err != nil {
				return err
			}
			encoded, err := session.Bytes()
			if err != nil {
				return err
			}
			writePart(plain, []byte(srv.key.identity))
			writePart(plain, []byte(srv.key.session))
			_ = binary.Write(plain, binary.BigEndian, t.ends.Unix())
			writePart(plain, bytes)
			writePart(plain, encoded)
		}
	}
	return nil
}

func writePart(b *bytes.Buffer, part []byte) {
	_ = binary.Write(b, binary.BigEndian, uint32(len(part)))
	b.Write(part)
}

// A savedSession is an entry of a saved cache.
type savedSession struct {
	key    serverKey
	ticket *ticket
}

// parseSessions takes a plaintext apart. It was authentic, but what wrote it may
// have been another version.
func parseSessions(plain []byte) ([]savedSession, error) {
	var all []savedSession
	part := func() []byte {
		if len(plain) < 4 {
			plain = nil
			return nil
		}
		n := binary.BigEndian.Uint32(plain)
		if uint64(n) > uint64(len(plain)-4) {
			plain = nil
			return nil
		}
		p := plain[4 : 4+n]
		plain = plain[4+n:]
		if p == nil {
			p = []byte{}
		}
		return p
	}
	for len(plain) > 0 {
		identity, session := part(), part()
		if identity == nil || session == nil || len(plain) < 8 {
			return nil, ErrSessions
		}
		ends := time.Unix(int64(binary.BigEndian.Uint64(plain)), 0)
		plain = plain[8:]
		bytes, encoded := part(), part()
		if bytes == nil || encoded == nil {
			return nil, ErrSessions
		}
		parsed, err := tls.ParseSessionState(encoded)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSessions, err)
		}
		state, err := tls.NewResumptionState(bytes, parsed)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSessions, err)
		}
		if t, ok := newTicket(state, ends); ok {
			all = append(all, savedSession{serverKey{string(identity), string(session)}, t})
		}
	}
	return all, nil
}
