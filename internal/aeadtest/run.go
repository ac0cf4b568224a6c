package aeadtest

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// New makes an AEAD.
type New func(key []byte) (cipher.AEAD, error)

// Run judges what newAEAD makes, as subtests of t named after s. It takes some
// seconds; with -short, for emulators, and with the race detector, only some
// lengths and alignments are tried.
func Run(t *testing.T, s Suite, newAEAD New) {
	stride := 1
	if testing.Short() || raceEnabled {
		stride = 17
	}
	t.Run(s.Name, func(t *testing.T) {
		for _, c := range checks {
			t.Run(c.name, func(t *testing.T) {
				if c.alone && raceEnabled {
					t.Skip("the race detector allocates")
				}
				err := c.run(&subject{suite: s, newAEAD: newAEAD, stride: stride})
				switch {
				case errors.Is(err, errCannot):
					t.Skipf("%s is not judged by this check: %v", s.Name, err)
				case err != nil:
					t.Error(err)
				}
			})
		}
	})
}

// Check makes some of the checks on what newAEAD makes, and returns the first
// fault. It is for broken implementations, which must have one.
func Check(s Suite, newAEAD New, names ...string) error {
	for _, name := range names {
		i := slices.IndexFunc(checks, func(c check) bool { return c.name == name })
		if err := checks[i].recovered(&subject{suite: s, newAEAD: newAEAD, stride: 1}); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// errCannot: a check cannot be made on this system.
var errCannot = errors.New("cannot be checked here")

// A check finds one kind of fault, and returns the first it meets.
type check struct {
	name  string
	run   func(*subject) error
	alone bool // counts allocations
}

func (c check) recovered(s *subject) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.run(s)
}

var checks = []check{
	{name: "Shape", run: checkShape},
	{name: "Published", run: checkPublished},
	{name: "Wycheproof", run: checkWycheproof},
	{name: "Lengths", run: checkLengths},
	{name: "AdditionalData", run: checkAdditionalData},
	{name: "Alignments", run: checkAlignments},
	{name: "BigIntegers", run: checkBigIntegers},
	{name: "Edges", run: checkEdges},
	{name: "GuardPages", run: checkGuardPages},
	{name: "Overlap", run: checkOverlap},
	{name: "Forgeries", run: checkForgeries},
	{name: "Chunks", run: checkChunks},
	{name: "ForgedChunks", run: checkForgedChunks},
	{name: "Concurrency", run: checkConcurrency},
	{name: "LongLengths", run: checkLongLengths},
	{name: "Allocs", run: checkAllocs, alone: true},
}

// A subject is what is judged.
type subject struct {
	suite   Suite
	newAEAD New
	stride  int // of lengths and alignments that are tried: 1 is all
}

// A pair is an AEAD and its reference under the same key.
type pair struct {
	got, want cipher.AEAD
	key       []byte
}

func (s *subject) pair(key []byte) (pair, error) {
	want, err := s.suite.Reference(key)
	if err != nil {
		return pair{}, fmt.Errorf("%w: the reference says: %v", errCannot, err)
	}
	handed := append([]byte(nil), key...)
	got, err := s.newAEAD(handed)
	if err != nil {
		return pair{}, fmt.Errorf("its New of a key of %d bytes: %w", len(key), err)
	}
	if string(handed) != string(key) {
		return pair{}, errors.New("its New changed the key")
	}
	clear(handed) // the AEAD must have a copy
	return pair{got: got, want: want, key: key}, nil
}

// A source is where a check has its bytes from: always the same ones.
type source struct{ *rand.ChaCha8 }

func newSource(seed uint64) source {
	var s [32]byte
	for i := range 8 {
		s[i] = byte(seed >> (8 * i))
	}
	return source{rand.NewChaCha8(s)}
}

// bytes returns n fresh bytes.
func (s source) bytes(n int) []byte {
	b := make([]byte, n)
	_, _ = s.Read(b)
	return b
}

func (s source) below(n int) int { return int(s.Uint64() % uint64(n)) }
