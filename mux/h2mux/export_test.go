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

// Idle reports whether the session holds no buffer of its own.
func (s *Session) Idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.control == nil && s.sending == nil && s.carry == nil && s.header.block == nil &&
		s.pinned.Load() == 0 && s.queuedIn == 0
}
