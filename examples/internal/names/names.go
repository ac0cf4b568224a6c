// Package names resolves the names of datagrams, which cannot wait for it: the
// answer is there, or it is looked up beside them.
package names

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxNames bounds what is remembered.
	maxNames = 4096
	// maxLookups bounds what is looked up at once.
	maxLookups = 64
	// lifetime is how long an answer holds: the system resolver does not say,
	// and its cache, if it has one, knows better.
	lifetime = 30 * time.Second
	// patience is when a lookup is given up.
	patience = 5 * time.Second
)

// ErrBusy: too many lookups are under way.
var ErrBusy = errors.New("names: too many lookups at once")

// A Resolver remembers the addresses of names for a while. The zero Resolver is
// ready. It is safe for concurrent use.
type Resolver struct {
	// Lookup finds the addresses of a name, in order of preference. Nil means
	// the system's resolver.
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error)

	mu      sync.Mutex
	known   map[string]answer
	lookups int
	running sync.WaitGroup
}

type answer struct {
	addr  netip.Addr
	until time.Time
}

// Known returns the address of name if it has been resolved not long ago. It
// does not wait and does not allocate.
func (r *Resolver) Known(name string) (netip.Addr, bool) {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.WithZone(""), true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.known[name]
	return a.addr, ok && time.Now().Before(a.until)
}

// Resolve looks name up and calls done, on a goroutine of its own, with an
// address or an error. It does not wait. It fails with ErrBusy, and does not
// call done, when 64 lookups are under way.
func (r *Resolver) Resolve(name string, done func(netip.Addr, error)) error {
	r.mu.Lock()
	if r.lookups == maxLookups {
		r.mu.Unlock()
		return ErrBusy
	}
	r.lookups++
	r.running.Add(1)
	r.mu.Unlock()
	go func() {
		defer r.running.Done()
		addr, err := r.lookUp(name)
		r.mu.Lock()
		r.lookups--
		if err == nil {
			r.keep(name, addr)
		}
		r.mu.Unlock()
		done(addr, err)
	}()
	return nil
}

// Wait returns when no lookup is under way.
func (r *Resolver) Wait() { r.running.Wait() }

func (r *Resolver) lookUp(name string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	lookup := r.Lookup
	if lookup == nil {
		lookup = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		}
	}
	addrs, err := lookup(ctx, name)
	if err != nil {
		return netip.Addr{}, err
	}
	if len(addrs) == 0 {
		return netip.Addr{}, &net.DNSError{Err: "no address", Name: name, IsNotFound: true}
	}
	return addrs[0].Unmap(), nil
}

// keep remembers an answer, and forgets others if there are too many.
func (r *Resolver) keep(name string, addr netip.Addr) {
	now := time.Now()
	if len(r.known) >= maxNames {
		for name, a := range r.known {
			if now.After(a.until) || len(r.known) > maxNames*3/4 {
				delete(r.known, name)
			}
		}
	}
	if r.known == nil {
		r.known = make(map[string]answer)
	}
	r.known[name] = answer{addr, now.Add(lifetime)}
}
