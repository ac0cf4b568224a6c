package h2mux

import "github.com/headrace-go/headrace/internal/slab"

// Portable makes a session use no raw system calls.
func Portable(cfg Config) Config {
	cfg.portable = true
	return cfg
}

// ParserMax is the longest payload that NewParser's accepts.
const ParserMax = 64 << 10

// A Parser is a parser by itself.
type Parser struct{ p parser }

// NewParser returns a Parser with a pool of the process.
func NewParser() *Parser { return &Parser{parser{pool: slab.Default(), max: ParserMax}} }

// Close gives its memory back.
func (p *Parser) Close() { p.p.close() }

// Feed cuts data into pieces and calls seen with every frame, DATA put together
// again.
func (p *Parser) Feed(data []byte, piece int, seen func(length int, typ, flags byte, id uint32, payload []byte)) error {
	var whole []byte
	for len(data) > 0 {
		part := data[:min(piece, len(data))]
		data = data[len(part):]
		for len(part) > 0 {
			e, n, err := p.p.next(part)
			if err != nil {
				return err
			}
			part = part[n:]
			switch e.kind {
			case gotData:
				whole = append(whole, e.payload...)
				// The padding may still be to come: the Framer waits for it.
				if e.last && (p.p.state == atHeader || p.p.left <= len(part)+len(data)) {
					seen(e.length, e.typ, e.flags, e.id, whole)
					whole = nil
				}
			case gotFrame:
				seen(e.length, e.typ, e.flags, e.id, e.payload)
			}
			p.p.release()
		}
	}
	return nil
}

// A Scheduler is a scheduler by itself.
type Scheduler struct{ s scheduler }

// Quantum is a turn in it, in bytes.
const Quantum = quantum

// LeastTurn is what must be left of a turn to go on with it.
const LeastTurn = leastTurn

// A Flow is a stream in a Scheduler.
type Flow struct{ st Stream }

// Add returns a new stream with nothing to send.
func (s *Scheduler) Add(id uint32, urgency int) *Flow {
	f := &Flow{Stream{id: id}}
	f.st.turn.urgency = uint8(urgency)
	return f
}

// Change gives f bytes to send, and credit for them, or takes some away.
func (s *Scheduler) Change(f *Flow, left, credit int) {
	f.st.left += left
	f.st.credit += int64(credit)
	s.s.update(&f.st)
}

// Move gives f another urgency.
func (s *Scheduler) Move(f *Flow, urgency int) { s.s.move(&f.st, uint8(urgency)) }

// Drop takes f out.
func (s *Scheduler) Drop(f *Flow) {
	f.st.left = 0
	s.s.forget(&f.st)
}

// Send sends one frame of limit bytes at most, as a batch does. It returns nil
// if there is none.
func (s *Scheduler) Send(limit int) (id uint32, n int) {
	st, most := s.s.pick()
	if st == nil {
		return 0, 0
	}
	n = min(st.left, most, limit, int(st.credit))
	st.left -= n
	st.credit -= int64(n)
	s.s.sent(st, n)
	return st.id, n
}

// Sendable is how many streams can send.
func (s *Scheduler) Sendable() int { return s.s.sendable }

// SetNextID makes a client go on with a stream number.
func (s *Session) SetNextID(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID = id
}

// Idle reports whether the session holds no buffer of its own.
func (s *Session) Idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.control == nil && s.sending == nil && s.carry == nil && s.header.block == nil &&
		s.pinned.Load() == 0 && s.queuedIn == 0
}
