package aesgcm_test

import (
	"testing"

	"github.com/headrace-go/headrace/internal/aeadtest"
	"github.com/headrace-go/headrace/internal/aesgcm"
)

func FuzzAES128ZMM(f *testing.F) { fuzz(f, aeadtest.AES128GCM, "zmm") }
func FuzzAES256ZMM(f *testing.F) { fuzz(f, aeadtest.AES256GCM, "zmm") }
func FuzzAES128YMM(f *testing.F) { fuzz(f, aeadtest.AES128GCM, "ymm") }
func FuzzAES256YMM(f *testing.F) { fuzz(f, aeadtest.AES256GCM, "ymm") }

func fuzz(f *testing.F, s aeadtest.Suite, name string) {
	for _, b := range aesgcm.Backends() {
		switch {
		case b.Name != name:
		case b.Unavailable != "":
			f.Skipf("%s cannot run here: %s", b.Name, b.Unavailable)
		default:
			aeadtest.Fuzz(f, s, b.New)
			return
		}
	}
	f.Skip("there is no assembly in this build")
}
