package aesgcm_test

import (
	"testing"

	"github.com/headrace-go/headrace/internal/aeadtest"
	"github.com/headrace-go/headrace/internal/aesgcm"
)

func TestBackends(t *testing.T) {
	for _, b := range aesgcm.Backends() {
		t.Run(b.Name, func(t *testing.T) {
			if b.Unavailable != "" {
				t.Skipf("%s cannot run here: %s", b.Name, b.Unavailable)
			}
			aeadtest.Run(t, aeadtest.AES128GCM, b.New)
			aeadtest.Run(t, aeadtest.AES256GCM, b.New)
		})
	}
}
