package quicmux

// Portable returns cfg with which quic-go reads the socket by itself.
func Portable(cfg Config) Config {
	cfg.portable = true
	return cfg
}

// Restart moves a session of Dial's to another port.
func Restart(s *Session) error { return s.restart.move() }
