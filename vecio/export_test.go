package vecio

// Portable returns cfg with every raw path off.
func Portable(cfg RelayConfig) RelayConfig {
	cfg.portable = true
	return cfg
}

// IsPortable reports whether cfg has every raw path off.
func IsPortable(cfg RelayConfig) bool { return cfg.portable }
