package vecio

import "syscall"

// Portable returns cfg with every raw path off.
func Portable(cfg RelayConfig) RelayConfig {
	cfg.portable = true
	return cfg
}

// IsPortable reports whether cfg has every raw path off.
func IsPortable(cfg RelayConfig) bool { return cfg.portable }

// PortableBatch returns cfg without raw system calls.
func PortableBatch(cfg BatchConfig) BatchConfig {
	cfg.portable = true
	return cfg
}

// FailingBatch returns cfg with writes that fail as fail says of a message.
func FailingBatch(cfg BatchConfig, fail func(count, size int) syscall.Errno) BatchConfig {
	cfg.fail = fail
	return cfg
}
