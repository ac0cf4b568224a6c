//go:build !amd64 || purego

package aesgcm

func backends() []Backend {
	const reason = "built without assembly"
	return []Backend{{Name: "zmm", Unavailable: reason}, {Name: "ymm", Unavailable: reason}}
}
