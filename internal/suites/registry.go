package suites

import (
	"crypto/cipher"
	"crypto/fips140"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Variable is the environment variable that restricts the choice.
const Variable = "HEADRACE_AEAD"

// A Registry knows the backends of each suite. It is safe for concurrent use.
type Registry struct {
	candidates [last + 1][]*candidate // the fastest first, std last
	failures   atomic.Uint64
	fips       bool

	naming sync.Once
	names  map[reflect.Type]string
}

// Default is the registry of all that is built into this program. The
// environment is read when it is first asked for.
var Default = sync.OnceValue(func() *Registry {
	allowed, restricted := os.LookupEnv(Variable)
	return NewRegistry(kernels, Options{
		Restricted: restricted, Allowed: strings.Split(allowed, ","), FIPS: fips140.Enabled(),
	})
})

// Options say what a Registry may choose.
type Options struct {
	Restricted bool     // to the names in Allowed, and to std
	Allowed    []string // names of backends
	FIPS       bool     // nothing but approved suites and std
}

// NewRegistry returns a Registry of the standard library's backends, and in
// front of those the ones that kernels returns for a suite.
func NewRegistry(kernels func(ID) []Backend, o Options) *Registry {
	r := &Registry{fips: o.FIPS}
	for _, id := range All() {
		for _, b := range kernels(id) {
			switch {
			case b.Unavailable != "":
			case o.FIPS:
				b.Unavailable = "FIPS 140 mode uses the standard library's module alone"
			case o.Restricted && !slices.Contains(o.Allowed, b.Name):
				b.Unavailable = "not allowed by " + Variable
			}
			r.candidates[id] = append(r.candidates[id], newCandidate(b))
		}
		std := Backend{Name: Std, New: infos[id].std}
		if o.FIPS && !infos[id].approved {
			std.Unavailable = notApproved
		}
		r.candidates[id] = append(r.candidates[id], newCandidate(std))
	}
	return r
}

const notApproved = "not approved in FIPS 140 mode"

// Backends lists the backends of a known suite, the preferred one first.
func (r *Registry) Backends(id ID) []Backend {
	var out []Backend
	for _, c := range r.candidates[id] {
		b := c.Backend
		b.Unavailable, b.From = c.unavailable(), int(c.from.Load())
		out = append(out, b)
	}
	return out
}

// Failures is how many backends have failed their self-test.
func (r *Registry) Failures() uint64 { return r.failures.Load() }

// NameOf says which backend an AEAD is of, as the first suite that has it and
// the backend's name, and is empty if it is of none. Of an AEAD that chooses by
// length it names the one for the longest records.
func (r *Registry) NameOf(a cipher.AEAD) string {
	switch s := a.(type) {
	case *split:
		return r.NameOf(s.AEAD)
	case *splitChunks:
		return r.NameOf(s.AEAD)
	}
	r.naming.Do(func() {
		r.names = make(map[reflect.Type]string)
		for _, id := range All() {
			for _, c := range r.usable(id) {
				if a, err := c.New(make([]byte, id.KeySize())); err == nil && r.names[reflect.TypeOf(a)] == "" {
					r.names[reflect.TypeOf(a)] = id.String() + " " + c.Name
				}
			}
		}
	})
	return r.names[reflect.TypeOf(a)]
}

// New returns the AEAD of a known suite under a key of its length: the best
// backend's own value if that is best at every length, and otherwise one that
// chooses by the length of each record.
func (r *Registry) New(id ID, key []byte) (cipher.AEAD, error) {
	if r.fips && !infos[id].approved {
		// Under fips140=only the standard library has its own word for it.
		if _, err := infos[id].std(key); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("aead: %v is %s", id, notApproved)
	}
	var chosen []choice
	for _, c := range r.usable(id) {
		from := int(c.from.Load())
		if from < 0 {
			continue // it has lost at every length
		}
		if len(chosen) > 0 && from >= chosen[len(chosen)-1].from {
			continue // at no length better than what is there
		}
		chosen = append(chosen, choice{c, from})
		if from == 0 {
			break
		}
	}
	return newAEAD(chosen, key)
}

// usable returns the backends that run here and have passed their self-test,
// std as the last of them.
func (r *Registry) usable(id ID) []*candidate {
	var out []*candidate
	for _, c := range r.candidates[id] {
		if c.Name == Std || c.Unavailable == "" && c.usable(id, &r.failures) {
			out = append(out, c)
		}
	}
	return out
}
