package quicmux

// Portable returns cfg with which quic-go reads the socket by itself.
func Portable(cfg Config) Config {
	cfg.portable = true
	return cfg
}

// Restart moves a session of Dial's to another port, which then does not move by
// itself any more.
func Restart(s *Session) error {
	r := s.restart
	r.mu.Lock()
	r.busy = true
	r.mu.Unlock()
	return r.move()
}
