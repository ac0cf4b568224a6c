package connpool

import "time"

// ReservePause is how long what was taken of a reserve is not replaced, and
// ReservePatience how long that can be put off.
const (
	ReservePause    = reservePause
	ReservePatience = reservePatience
)

// SetClock makes a cache believe f.
func (c *SessionCache) SetClock(f func() time.Time) { c.now = f }

// SetClock makes keys believe f.
func (k *TicketKeys) SetClock(f func() time.Time) { k.now = f }

// Parse takes the plaintext of a saved cache apart.
func Parse(plain []byte) (int, error) {
	all, err := parseSessions(plain)
	return len(all), err
}

// XAESSeal seals with XAES-256-GCM.
func XAESSeal(key, nonce, plain, additional []byte) ([]byte, error) {
	x, err := newXAES(key)
	if err != nil {
		return nil, err
	}
	return x.seal(nil, nonce, plain, additional)
}

// Reserve asks the estimate of demand: connections taken at times, a dial that
// takes so long, and how many to keep at now.
func Reserve(taken []time.Duration, dial time.Duration, factor float64, now time.Duration) int {
	var d demand
	d.dialed(dial)
	for _, at := range taken {
		d.take(1, at)
	}
	return d.reserve(factor, now)
}

// Backoff returns when a key may be dialed again after rounds of failures at 0.
func Backoff(minimum, maximum time.Duration, rounds int) time.Duration {
	p := policy{backoffMin: minimum, backoffMax: maximum}
	var f backoff
	for range rounds {
		f.fail(&p, f.failed, f.failed, nil)
	}
	return f.retry
}

// Shards are the locks of a pool alone.
type Shards struct{ a shards }

func NewShards() *Shards { return &Shards{shards{all: new([shardCount]shard)}} }

// In runs f in a shard.
func (s *Shards) In(shard int, f func()) {
	s.a.enter(&s.a.all[shard])
	f()
	s.a.all[shard].leave()
}

// Hold runs f while the pool is held.
func (s *Shards) Hold(f func()) {
	s.a.Lock()
	f()
	s.a.Unlock()
}
