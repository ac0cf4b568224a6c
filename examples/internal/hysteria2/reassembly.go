package hysteria2

// The bounds of what a peer can have us keep for datagrams that it may never
// complete.
const (
	maxPartial      = 64      // datagrams
	maxPartialBytes = 1 << 20 // with what belongs to them
	maxDatagram     = 65535
)

// A reassembly puts the fragments of a connection's datagrams together. Those
// that wait for longest give way to new ones.
type reassembly struct {
	partial []*partial // the oldest first
	held    int
}

// A partial is a datagram of which fragments are missing.
type partial struct {
	session uint32
	packet  uint16
	missing int
	size    int // of the payload
	held    int
	parts   [][]byte
}

// partCost is charged for each part that a datagram is to have.
const partCost = 24

// add takes m, which the reassembly owns from then on, and returns the payload
// of the datagram that it completes, or nil.
func (r *reassembly) add(m Message) []byte {
	if m.Count == 1 {
		return m.Payload
	}
	p := r.find(m)
	if p == nil {
		p = &partial{session: m.Session, packet: m.Packet, missing: int(m.Count), parts: make([][]byte, m.Count)}
		r.charge(p, int(m.Count)*partCost)
		r.partial = append(r.partial, p)
	}
	if len(p.parts) != int(m.Count) || p.parts[m.Fragment] != nil {
		return nil // of another datagram, or the same once more
	}
	p.parts[m.Fragment] = m.Payload
	p.missing--
	p.size += len(m.Payload)
	r.charge(p, m.header()+len(m.Payload))
	if p.size > maxDatagram {
		r.drop(p)
		return nil
	}
	if p.missing > 0 {
		for len(r.partial) > maxPartial || r.held > maxPartialBytes {
			r.drop(r.partial[0])
		}
		return nil
	}
	r.drop(p)
	whole := make([]byte, 0, p.size)
	for _, part := range p.parts {
		whole = append(whole, part...)
	}
	return whole
}

func (r *reassembly) find(m Message) *partial {
	for _, p := range r.partial {
		if p.session == m.Session && p.packet == m.Packet {
			return p
		}
	}
	return nil
}

func (r *reassembly) charge(p *partial, n int) {
	p.held += n
	r.held += n
}

func (r *reassembly) drop(p *partial) {
	for i := range r.partial {
		if r.partial[i] == p {
			r.partial = append(r.partial[:i], r.partial[i+1:]...)
			r.held -= p.held
			return
		}
	}
}
