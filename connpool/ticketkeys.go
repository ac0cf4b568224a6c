package connpool

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
)

// TicketKeys make and read a server's session tickets with keys that follow from
// one secret and the time. All servers that share the secret resume one another's
// sessions, after a restart too, without a word between them: nothing is
// distributed, and no timer rotates anything.
//
// A key is used for one period. Tickets of the period before are still read, and
// of the next, since clocks differ. Whoever learns the secret can read the
// tickets of all periods, though not the traffic of TLS 1.3 connections, which
// have keys of their own: change the secret when that may have happened, and
// give servers that must not resume one another's sessions different ones.
//
// It is safe for concurrent use.
type TicketKeys struct {
	secret []byte
	period time.Duration
	now    func() time.Time

	mu   sync.RWMutex
	keys map[int64]*xaes // of the periods around now
}

// NewTicketKeys returns keys from a secret, of which it keeps a copy: 16 bytes
// at least, that nobody can guess. period is how long a key makes tickets. Zero
// means 12 hours; it is at least a minute, and at most 3.5 days, so that a
// ticket ends within the 7 that TLS 1.3 grants it.
func NewTicketKeys(secret []byte, period time.Duration) (*TicketKeys, error) {
	if period == 0 {
		period = 12 * time.Hour
	}
	switch {
	case len(secret) < minSecret:
		return nil, fmt.Errorf("connpool: a secret of %d bytes can be guessed", len(secret))
	case period < time.Minute || period > maxTicketLifetime/2:
		return nil, fmt.Errorf("connpool: a period of %v is too short or too long", period)
	}
	return &TicketKeys{
		secret: append([]byte(nil), secret...), period: period,
		now: time.Now, keys: make(map[int64]*xaes),
	}, nil
}

// Apply makes a server's configuration use the keys. It sets WrapSession and
// UnwrapSession, and nothing else.
func (k *TicketKeys) Apply(cfg *tls.Config) {
	cfg.WrapSession, cfg.UnwrapSession = k.WrapSession, k.UnwrapSession
}

// A ticket is the number of its period, a nonce, and the sealed session.
const (
	ticketHead     = 8
	ticketNonceEnd = ticketHead + xaesNonce
)

var errTicketTooLong = errors.New("connpool: session does not fit in a ticket")

// maxTicket is the longest ticket that TLS can carry.
const maxTicket = 1<<16 - 1

// WrapSession makes a ticket: see tls.Config.WrapSession.
func (k *TicketKeys) WrapSession(_ tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
	plain, err := session.Bytes()
	if err != nil {
		return nil, err
	}
	period := k.periodAt(k.now())
	key, err := k.key(period)
	if err != nil {
		return nil, err
	}
	ticket := make([]byte, ticketNonceEnd, ticketNonceEnd+len(plain)+16)
	binary.BigEndian.PutUint64(ticket, uint64(period))
	_, _ = rand.Read(ticket[ticketHead:]) // which never fails
	ticket, err = key.seal(ticket, ticket[ticketHead:ticketNonceEnd], plain, ticket[:ticketHead])
	if err != nil {
		return nil, err
	}
	if len(ticket) > maxTicket {
		return nil, errTicketTooLong
	}
	return ticket, nil
}

// UnwrapSession reads a ticket: see tls.Config.UnwrapSession. One that is not
// ours, too old or damaged is nil without an error: the handshake is then a full
// one.
func (k *TicketKeys) UnwrapSession(ticket []byte, _ tls.ConnectionState) (*tls.SessionState, error) {
	if len(ticket) < ticketNonceEnd {
		return nil, nil
	}
	period := int64(binary.BigEndian.Uint64(ticket))
	if now := k.periodAt(k.now()); period < now-1 || period > now+1 {
		return nil, nil
	}
	key, err := k.key(period)
	if err != nil {
		return nil, err
	}
	plain, err := key.open(ticket[ticketHead:ticketNonceEnd], ticket[ticketNonceEnd:], ticket[:ticketHead])
	if err != nil {
		return nil, nil
	}
	session, err := tls.ParseSessionState(plain)
	if err != nil {
		return nil, nil // of another version of crypto/tls
	}
	return session, nil
}

func (k *TicketKeys) periodAt(t time.Time) int64 {
	return t.Unix() / int64(k.period/time.Second)
}

// key returns the key of a period near to now.
func (k *TicketKeys) key(period int64) (*xaes, error) {
	k.mu.RLock()
	key := k.keys[period]
	k.mu.RUnlock()
	if key != nil {
		return key, nil
	}
	info := fmt.Sprintf("headrace ticket key, period %d of %v", period, k.period)
	raw, err := hkdf.Key(sha256.New, k.secret, nil, info, 32)
	if err != nil {
		return nil, err
	}
	key, err = newXAES(raw)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for p := range k.keys {
		if p < period-2 || p > period+2 {
			delete(k.keys, p)
		}
	}
	k.keys[period] = key
	return key, nil
}
