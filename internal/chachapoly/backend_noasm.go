//go:build !amd64 || purego

package chachapoly

func backends() []Backend  { return nil }
func backendsX() []Backend { return nil }
