// Package aeadtest judges implementations of a suite: those of this module,
// and the standard library's with the same eyes.
//
//	func TestBackends(t *testing.T) {
//		for _, b := range aesgcm.Backends() {
//			t.Run(b.Name, func(t *testing.T) {
//				if b.Unavailable != "" {
//					t.Skipf("%s cannot run here: %s", b.Name, b.Unavailable)
//				}
//				aeadtest.Run(t, aeadtest.AES128GCM, b.New)
//				aeadtest.Run(t, aeadtest.AES256GCM, b.New)
//			})
//		}
//	}
//
// What is compared with is the standard library (golang.org/x/crypto for
// ChaCha20-Poly1305), published vectors, and arithmetic on big integers that
// shares nothing with either. AEADs that have a method of package fused are
// judged by that too. The package's own tests hand it broken implementations,
// each of which it has to refuse.
package aeadtest
