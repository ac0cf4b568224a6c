package chachapoly_test

import (
	"testing"

	"github.com/headrace-go/headrace/internal/aeadtest"
	"github.com/headrace-go/headrace/internal/chachapoly"
)

func FuzzChaCha20Poly1305(f *testing.F) {
	fuzz(f, aeadtest.ChaCha20Poly1305, chachapoly.Backends())
}

func FuzzXChaCha20Poly1305(f *testing.F) {
	fuzz(f, aeadtest.XChaCha20Poly1305, chachapoly.BackendsX())
}

func fuzz(f *testing.F, s aeadtest.Suite, backends []chachapoly.Backend) {
	switch {
	case len(backends) == 0:
		f.Skip("there is no assembly in this build")
	case backends[0].Unavailable != "":
		f.Skipf("%s cannot run here: %s", backends[0].Name, backends[0].Unavailable)
	}
	aeadtest.Fuzz(f, s, backends[0].New)
}
