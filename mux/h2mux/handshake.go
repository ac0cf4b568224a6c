package h2mux

import "context"

// shaker is a TLS connection. Without a handshake its first Write is one.
type shaker interface {
	HandshakeContext(ctx context.Context) error
}

// handshake lets a TLS connection shake hands, which that has been if there was
// a handshake before. Under a cork it would wait for an answer to what is held,
// and for ever. The end of the session ends it.
func (s *Session) handshake() error {
	t, ok := s.conn.(shaker)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.mu.Lock()
	if s.unshaken = cancel; s.err != nil {
		cancel()
	}
	s.mu.Unlock()
	err := t.HandshakeContext(ctx)
	s.mu.Lock()
	s.unshaken = nil
	s.mu.Unlock()
	return err
}
