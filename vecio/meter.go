package vecio

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A Meter counts the bytes of relays while they move, spliced ones included,
// and limits their rate. One Meter may serve any number of relays, such as all
// those of a user, which then share its limits. The zero value counts and
// limits nothing. All methods are safe for concurrent use.
type Meter struct {
	moved   [2]atomic.Int64
	limited [2]atomic.Bool
	buckets [2]bucket
}

// Moved returns how many bytes have been written to b and to a, in all relays
// so far.
func (m *Meter) Moved() (aToB, bToA int64) {
	return m.moved[A].Load(), m.moved[B].Load()
}

// SetLimit limits the bytes per second that all relays of the Meter move from
// the end from, in the long run; relays that are under way obey it from their
// next burst on. After a pause they may move burst bytes at once, and each
// relay one burst of its own more. A rate of zero lifts the limit. A negative
// one, or a burst of less than 16 KiB with a rate, is refused.
func (m *Meter) SetLimit(from End, rate, burst int64) error {
	if from > B || rate < 0 || rate > 0 && burst < minBurst {
		return fmt.Errorf("vecio: limit of %d bytes per second and bursts of %d, from end %d", rate, burst, from)
	}
	m.buckets[from].set(rate, burst)
	m.limited[from].Store(rate > 0)
	return nil
}

const minBurst = 16 << 10

// count notes n bytes from an end.
func (m *Meter) count(from End, n int64) {
	if m != nil {
		m.moved[from].Add(n)
	}
}

// charge takes n bytes that have moved from the allowance, and returns how
// long their relay must pause to make good for them.
func (m *Meter) charge(from End, n int64) time.Duration {
	if m == nil || !m.limited[from].Load() {
		return 0
	}
	return m.buckets[from].charge(n)
}

// allowance bounds the next burst of a relay, so that a low rate comes in
// small portions; most if there is no limit.
func (m *Meter) allowance(from End, most int) int {
	if m == nil || !m.limited[from].Load() {
		return most
	}
	return min(most, m.buckets[from].portion())
}

// A bucket is filled with rate bytes a second, up to burst. It may be
// overdrawn: whoever takes more than there is waits until it has been filled
// again, behind all who came before.
type bucket struct {
	mu          sync.Mutex
	rate, burst float64
	level       float64
	at          time.Time // when the level was right
}

func (b *bucket) set(rate, burst int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rate, b.burst = float64(rate), float64(burst)
	b.level, b.at = b.burst, time.Now()
}

func (b *bucket) charge(n int64) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rate == 0 {
		return 0
	}
	now := time.Now()
	b.level = min(b.burst, b.level+now.Sub(b.at).Seconds()*b.rate) - float64(n)
	b.at = now
	if b.level >= 0 {
		return 0
	}
	return time.Duration(-b.level / b.rate * float64(time.Second))
}

// portion is a tenth of a second's worth, and 16 KiB at least.
func (b *bucket) portion() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int(max(min(b.rate/10, 1<<30), minBurst))
}
