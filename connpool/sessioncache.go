package connpool

import (
	"crypto/tls"
	"errors"
	"hash/maphash"
	"sync"
	"time"
)

// SessionConfig bounds a SessionCache. The zero SessionConfig works.
type SessionConfig struct {
	// MaxTickets bounds the tickets of all servers together; the ones of the
	// server that was asked for longest ago go first. Zero means 4096.
	MaxTickets int
	// MaxBytes bounds the memory that they take, about 1 to 5 KB each, since a
	// session carries the server's certificates. Zero means 16 MiB.
	MaxBytes int64
	// MaxPerServer bounds the tickets of one server and identity: how many
	// connections can be resumed at once. Zero means 64.
	MaxPerServer int
	// Lifetime is when a ticket is dropped, unless its server has set an
	// earlier end, which crypto/tls sees to. Zero means 24 hours. It cannot be
	// above the 7 days of RFC 8446, section 4.6.1.
	Lifetime time.Duration
}

const maxTicketLifetime = 7 * 24 * time.Hour

// sessionShards is how many locks share the keys.
const sessionShards = 16

// A SessionCache keeps TLS sessions for clients: several tickets for each
// server, so that as many connections can be resumed at the same time. A TLS 1.3
// ticket is given out once: two connections that show the same one can be
// linked by who watches (RFC 8446, appendix C.4). A session of TLS 1.2 has none
// but its last, and is used again.
//
// It is safe for concurrent use, starts no goroutine and has no timer. Its
// bounds are divided among 16 shards, or none if they are small; a shard is
// full when its share is used up.
type SessionCache struct {
	cfg    SessionConfig
	seed   maphash.Seed
	shards []sessionShard
	now    func() time.Time
}

// NewSessionCache returns an empty SessionCache. It refuses negative bounds.
func NewSessionCache(cfg SessionConfig) (*SessionCache, error) {
	if cfg.MaxTickets < 0 || cfg.MaxBytes < 0 || cfg.MaxPerServer < 0 {
		return nil, errors.New("connpool: a bound of SessionConfig is negative")
	}
	if cfg.Lifetime < 0 || cfg.Lifetime > maxTicketLifetime {
		return nil, errors.New("connpool: a ticket lives no longer than 7 days")
	}
	if cfg.MaxTickets == 0 {
		cfg.MaxTickets = 4096
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 16 << 20
	}
	if cfg.MaxPerServer == 0 {
		cfg.MaxPerServer = 64
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = 24 * time.Hour
	}
	c := &SessionCache{cfg: cfg, seed: maphash.MakeSeed(), now: time.Now}
	n := sessionShards
	if cfg.MaxTickets < n*cfg.MaxPerServer || cfg.MaxBytes < int64(n)<<18 {
		n = 1
	}
	c.shards = make([]sessionShard, n)
	for i := range c.shards {
		c.shards[i].tickets = cfg.MaxTickets / n
		c.shards[i].bytes = cfg.MaxBytes / int64(n)
		c.shards[i].servers = make(map[serverKey]*server)
	}
	return c, nil
}

// For returns the cache as it is for one identity: what is put there is seen by
// no other. Resuming a session skips the handshake's checks, so everything that
// a server or a tls.Config makes depend on who connects belongs into the
// identity: the user, the client certificate, the roots, the protocol.
func (c *SessionCache) For(identity string) tls.ClientSessionCache {
	return &identityView{c, identity}
}

// SessionStats are the counters of a SessionCache.
type SessionStats struct {
	Servers int    // of all identities
	Tickets int    // kept
	Bytes   int64  // that they take, about
	Hits    uint64 // questions that were answered with a ticket
	Misses  uint64 // and those that were not
	Stored  uint64 // tickets that came
	Expired uint64 // that were dropped for their age
	Evicted uint64 // that were dropped for lack of room
}

// Stats returns what the cache has counted.
func (c *SessionCache) Stats() SessionStats {
	var sum SessionStats
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		sum.Servers += len(s.servers)
		sum.Tickets += s.usedTickets
		sum.Bytes += s.usedBytes
		sum.Hits += s.hits
		sum.Misses += s.misses
		sum.Stored += s.stored
		sum.Expired += s.expired
		sum.Evicted += s.evicted
		s.mu.Unlock()
	}
	return sum
}

func (c *SessionCache) shard(k serverKey) *sessionShard {
	if len(c.shards) == 1 {
		return &c.shards[0]
	}
	return &c.shards[maphash.Comparable(c.seed, k)%uint64(len(c.shards))]
}

// An identityView is a SessionCache as crypto/tls sees it.
type identityView struct {
	cache    *SessionCache
	identity string
}

// Get gives out a ticket; see tls.ClientSessionCache.
func (v *identityView) Get(session string) (*tls.ClientSessionState, bool) {
	k := serverKey{v.identity, session}
	return v.cache.shard(k).take(k, v.cache.now())
}

// Put takes a ticket, or nil: the one given out last is of no use.
func (v *identityView) Put(session string, state *tls.ClientSessionState) {
	k := serverKey{v.identity, session}
	if state == nil {
		v.cache.shard(k).reject(k)
		return
	}
	if t, ok := newTicket(state, v.cache.now().Add(v.cache.cfg.Lifetime)); ok {
		v.cache.shard(k).add(k, t, v.cache.cfg.MaxPerServer)
	}
}

// A serverKey is what a session is kept under: session is crypto/tls's name of
// the server.
type serverKey struct{ identity, session string }

// A sessionShard is a part of the cache with a lock of its own.
type sessionShard struct {
	tickets int   // bound
	bytes   int64 // bound

	mu          sync.Mutex
	servers     map[serverKey]*server
	recent      ring[server] // from the one asked for longest ago to the last
	usedTickets int
	usedBytes   int64

	hits, misses, stored, expired, evicted uint64
}

// A server has tickets, from the oldest to the newest.
type server struct {
	key     serverKey
	tickets []*ticket
	link    link[server]
}

func (s *sessionShard) take(k serverKey, now time.Time) (*tls.ClientSessionState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	srv := s.servers[k]
	if srv == nil {
		s.misses++
		return nil, false
	}
	s.touch(srv)
	newest := srv.tickets[len(srv.tickets)-1]
	if !now.Before(newest.ends) { // and so are the others
		s.expired += uint64(len(srv.tickets))
		s.drop(srv)
		s.misses++
		return nil, false
	}
	s.hits++
	if newest.once {
		s.cut(srv, len(srv.tickets)-1)
	}
	return newest.state, true
}

func (s *sessionShard) add(k serverKey, t *ticket, perServer int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored++
	if t.size > s.bytes || s.tickets == 0 {
		s.evicted++
		return
	}
	srv := s.servers[k]
	if srv == nil {
		srv = &server{key: k}
		s.servers[k] = srv
	}
	s.touch(srv)
	for len(srv.tickets) > 0 && (!t.once || !srv.tickets[0].once || len(srv.tickets) >= perServer) {
		s.evicted++
		s.cutKeeping(srv, 0)
	}
	srv.tickets = append(srv.tickets, t)
	s.usedTickets++
	s.usedBytes += t.size
	for s.usedTickets > s.tickets || s.usedBytes > s.bytes {
		s.evicted++
		s.cut(s.recent.front(), 0)
	}
}

// reject drops the session that would be given out again.
func (s *sessionShard) reject(k serverKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if srv := s.servers[k]; srv != nil && !srv.tickets[len(srv.tickets)-1].once {
		s.drop(srv)
	}
}

func (s *sessionShard) touch(srv *server) {
	s.recent.remove(&srv.link)
	s.recent.pushBack(&srv.link, srv)
}

// cut drops a ticket, and its server with the last one.
func (s *sessionShard) cut(srv *server, i int) {
	s.cutKeeping(srv, i)
	if len(srv.tickets) == 0 {
		s.drop(srv)
	}
}

func (s *sessionShard) cutKeeping(srv *server, i int) {
	t := srv.tickets[i]
	copy(srv.tickets[i:], srv.tickets[i+1:])
	srv.tickets[len(srv.tickets)-1] = nil
	srv.tickets = srv.tickets[:len(srv.tickets)-1]
	s.usedTickets--
	s.usedBytes -= t.size
}

// drop forgets a server with all its tickets.
func (s *sessionShard) drop(srv *server) {
	for len(srv.tickets) > 0 {
		s.cutKeeping(srv, len(srv.tickets)-1)
	}
	s.recent.remove(&srv.link)
	delete(s.servers, srv.key)
}
