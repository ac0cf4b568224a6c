//go:build !linux

package vecio

// capabilities: what the fast paths need is Linux's.
func capabilities() SystemCapabilities { return SystemCapabilities{} }
