package suites

import (
	"crypto/cipher"
	"sync"
	"sync/atomic"
)

// Std is the name of the standard library's backends.
const Std = "std"

// A Backend is one implementation of a suite.
type Backend struct {
	// Name is unique within a suite.
	Name string
	// Unavailable says why the backend cannot be used, and is empty if it can.
	Unavailable string
	// From is the length of the shortest plaintext that it is used for, in
	// bytes, where anything else may be used. Negative means none.
	From int
	// New makes an AEAD of it, whatever Unavailable and From say.
	New func(key []byte) (cipher.AEAD, error)
}

// A candidate is a backend with what is known of it by now.
type candidate struct {
	Backend
	from   atomic.Int64 // what is in force of From
	once   sync.Once
	failed atomic.Pointer[string] // why its self-test failed
}

func newCandidate(b Backend) *candidate {
	c := &candidate{Backend: b}
	c.from.Store(int64(b.From))
	return c
}

// usable tests the backend when it is first asked for.
func (c *candidate) usable(id ID, failures *atomic.Uint64) bool {
	c.once.Do(func() {
		if err := selfTest(id, c.New); err != nil {
			reason := "failed its self-test: " + err.Error()
			c.failed.Store(&reason)
			failures.Add(1)
		}
	})
	return c.failed.Load() == nil
}

// unavailable says why the backend is not used, as far as that is known
// without a test.
func (c *candidate) unavailable() string {
	if reason := c.failed.Load(); reason != nil {
		return *reason
	}
	return c.Unavailable
}
