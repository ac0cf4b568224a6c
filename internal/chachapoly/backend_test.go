package chachapoly_test

import (
	"testing"

	"github.com/headrace-go/headrace/internal/aeadtest"
	"github.com/headrace-go/headrace/internal/chachapoly"
)

func TestBackends(t *testing.T) {
	for _, suite := range []struct {
		aeadtest.Suite
		backends []chachapoly.Backend
	}{
		{aeadtest.ChaCha20Poly1305, chachapoly.Backends()},
		{aeadtest.XChaCha20Poly1305, chachapoly.BackendsX()},
	} {
		if len(suite.backends) == 0 {
			t.Skip("there is no assembly in this build")
		}
		for _, b := range suite.backends {
			t.Run(b.Name, func(t *testing.T) {
				if b.Unavailable != "" {
					t.Skipf("%s cannot run here: %s", b.Name, b.Unavailable)
				}
				aeadtest.Run(t, suite.Suite, b.New)
			})
		}
	}
}
