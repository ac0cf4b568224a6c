package vecio

// Portable returns cfg with every raw path off.
func Portable(cfg RelayConfig) RelayConfig {
	cfg.portable = true
	return cfg
}
