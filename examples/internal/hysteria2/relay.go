package hysteria2

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace-go/headrace/bufpool"
	"github.com/headrace-go/headrace/examples/internal/names"
	"github.com/headrace-go/headrace/mux/quicmux"
	"github.com/headrace-go/headrace/vecio"
)

const (
	// maxSessions bounds the UDP sessions of a client, each of which is a
	// socket. A new one takes the place of the one that was idle for longest.
	maxSessions = 512
	// sessionIdle ends one on which nothing has moved, up to a quarter later.
	sessionIdle = time.Minute
	// readBatch is how many datagrams are read at a time.
	readBatch = 16
)

// A relay is the server's side of a client's UDP sessions. It has one goroutine,
// and one for each session.
type relay struct {
	sender
	names *names.Resolver
	start time.Time

	pending reassembly // run's alone

	mu       sync.Mutex
	sessions map[uint32]*socket
	sweep    *time.Timer // runs while there are sessions
	ended    bool
	reading  sync.WaitGroup
}

// A socket is one UDP session.
type socket struct {
	id    uint32
	batch *vecio.BatchConn
	moved atomic.Int64 // when something has moved, in nanoseconds after the start
}

func newRelay(s *quicmux.Session, r *names.Resolver) *relay {
	return &relay{sender: sender{session: s}, names: r, start: time.Now(), sessions: map[uint32]*socket{}}
}

// run moves what the client sends until the connection ends. It returns when the
// relay's goroutines have ended.
func (r *relay) run() {
	for {
		b, err := r.session.ReceiveDatagram(context.Background())
		if err != nil {
			break
		}
		m, err := ParseMessage(b)
		if err != nil {
			continue // it may come from a later version of the protocol
		}
		if payload := r.pending.add(m); payload != nil {
			r.forward(m, payload)
		}
	}
	r.mu.Lock()
	r.ended = true
	for _, s := range r.sessions {
		_ = s.batch.Close()
	}
	if r.sweep != nil {
		r.sweep.Stop()
	}
	r.mu.Unlock()
	r.reading.Wait()
}

// forward sends a datagram to where it is to go, as soon as that is known.
func (r *relay) forward(m Message, payload []byte) {
	to, err := ParseAddress(m.Address)
	if err != nil || to.Port == 0 {
		return
	}
	s, err := r.socket(m.Session)
	if err != nil {
		return // there are no more sockets: it is lost
	}
	ip, ok := to.IP, to.IP.IsValid()
	if !ok {
		ip, ok = r.names.Known(to.Name)
	}
	if ok {
		s.send(r, payload, netip.AddrPortFrom(ip, to.Port))
		return
	}
	_ = r.names.Resolve(to.Name, func(ip netip.Addr, err error) { // busy means lost
		if err == nil {
			s.send(r, payload, netip.AddrPortFrom(ip, to.Port))
		}
	})
}

func (s *socket) send(r *relay, payload []byte, to netip.AddrPort) {
	s.moved.Store(int64(time.Since(r.start)))
	_, _ = s.batch.WriteBatch([]vecio.Datagram{{Data: payload, Addr: to}}) // what cannot be sent is lost
}

// socket returns the one of a session, which begins with its first datagram.
func (r *relay) socket(id uint32) (*socket, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.sessions[id]; ok {
		return s, nil
	}
	if r.ended {
		return nil, net.ErrClosed
	}
	if len(r.sessions) >= maxSessions {
		var oldest *socket
		for _, s := range r.sessions {
			if oldest == nil || s.moved.Load() < oldest.moved.Load() {
				oldest = s
			}
		}
		r.closeLocked(oldest)
	}
	c, err := names.OpenAny(netip.AddrPort{})
	if err != nil {
		return nil, err
	}
	batch, err := vecio.NewBatchConn(c, vecio.BatchConfig{})
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	s := &socket{id: id, batch: batch}
	s.moved.Store(int64(time.Since(r.start)))
	r.sessions[id] = s
	r.reading.Go(func() { r.read(s) })
	if len(r.sessions) == 1 {
		if r.sweep == nil {
			r.sweep = time.AfterFunc(sessionIdle/4, r.expire)
		} else {
			r.sweep.Reset(sessionIdle / 4)
		}
	}
	return s, nil
}

func (r *relay) closeLocked(s *socket) {
	delete(r.sessions, s.id)
	_ = s.batch.Close() // read ends
}

// expire is the timer's function.
func (r *relay) expire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	since := int64(time.Since(r.start) - sessionIdle)
	for _, s := range r.sessions {
		if s.moved.Load() < since {
			r.closeLocked(s)
		}
	}
	if len(r.sessions) > 0 {
		r.sweep.Reset(sessionIdle / 4)
	}
}

// read sends the client what arrives at a socket. It holds no buffer while
// nothing does.
func (r *relay) read(s *socket) {
	pool := bufpool.Default()
	var in [readBatch]vecio.Datagram
	var last netip.AddrPort
	var address []byte // last as text
	for {
		n, err := s.batch.ReadReady(pool, in[:])
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			continue // it is about a datagram that was sent before
		}
		s.moved.Store(int64(time.Since(r.start)))
		for i := range in[:n] {
			d := &in[i]
			if d.Addr != last {
				last, address = d.Addr, d.Addr.AppendTo(address[:0])
			}
			d.Split(func(datagram []byte) { _ = r.send(s.id, address, datagram) }) // run notices, too
			pool.Put(d.Buf)
			*d = vecio.Datagram{}
		}
	}
}
