package connpool

import "time"

// A bucket is what a pool knows about one key. All of it is written while the
// pool is held, but its spot under the latch of its shard.
type bucket struct {
	*spot
	key     any
	shard   *shard
	age     moment[bucket] // in core.ages, if anything may be idle
	open    int            // members that are idle, lent or being closed
	dialing int
	waiters ring[waiter] // in order of arrival
	minIdle int          // what Warm asks for
	epoch   int          // counts Drain and Reset: members from before have to go
	demand  demand
	backoff backoff
	warming backoff       // of dials that nobody waits for
	retry   *time.Timer   // looks at the demand again; made when first needed
	retryAt time.Duration // when it goes off; never, if it does not
	// reserveAt is when the reserve is filled up again, at the earliest.
	reserveAt time.Duration
	reserveBy time.Duration // what is taken puts it off no further

	starving   bool
	hungerSeq  uint64       // of core.seq, when it began to starve
	hungerLink link[bucket] // in core.starving
	emptySince time.Duration
	emptyLink  link[bucket] // in core.empty
	forgotten  bool

	counts counts
}

// A spot is what of a bucket is written under its shard's latch. It is on a cache
// line of its own.
type spot struct {
	idle ring[member] // from the one put back first to the last
	hits uint64       // Gets that have found one
	_    [24]byte
}

// vacant reports whether nothing but memories is left of the key.
func (b *bucket) vacant() bool {
	return b.open == 0 && b.dialing == 0 && b.waiters.len == 0 && b.minIdle == 0
}

// A waiter is a Get that waits for a connection.
type waiter struct {
	ready chan verdict // holds one
	seq   uint64
	link  link[waiter]
}

// A verdict is how a wait has ended.
type verdict struct {
	m   *member
	err error
}
