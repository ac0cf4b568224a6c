package h2mux

// Portable makes a session use no raw system calls.
func Portable(cfg Config) Config {
	cfg.portable = true
	return cfg
}
