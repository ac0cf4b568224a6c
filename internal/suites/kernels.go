package suites

import (
	"github.com/headrace-go/headrace/internal/aesgcm"
	"github.com/headrace-go/headrace/internal/chachapoly"
)

// kernels lists what the kernel packages have for a suite, the fastest first.
func kernels(id ID) []Backend {
	var out []Backend
	switch id {
	case AES128GCM, AES256GCM:
		for _, b := range aesgcm.Backends() {
			out = append(out, Backend{Name: b.Name, Unavailable: b.Unavailable, New: b.New})
		}
	case ChaCha20Poly1305:
		for _, b := range chachapoly.Backends() {
			out = append(out, Backend{Name: b.Name, Unavailable: b.Unavailable, New: b.New})
		}
	case XChaCha20Poly1305:
		for _, b := range chachapoly.BackendsX() {
			out = append(out, Backend{Name: b.Name, Unavailable: b.Unavailable, New: b.New})
		}
	}
	return out
}
