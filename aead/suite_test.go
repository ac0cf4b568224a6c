package aead_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"github.com/headrace-go/headrace/aead"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const sunscreen = "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f756c642062652069742e"

func TestVectors(t *testing.T) {
	tests := []struct {
		source                        string
		suite                         aead.Suite
		key, nonce, ad, plain, cipher string
	}{{
		source: "GCM specification, test case 4",
		suite:  aead.AES128GCM,
		key:    "feffe9928665731c6d6a8f9467308308",
		nonce:  "cafebabefacedbaddecaf888",
		ad:     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
		plain:  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
		cipher: "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091" + "5bc94fbc3221a5db94fae95ae7121a47",
	}, {
		source: "GCM specification, test case 16",
		suite:  aead.AES256GCM,
		key:    "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
		nonce:  "cafebabefacedbaddecaf888",
		ad:     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
		plain:  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
		cipher: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662" + "76fc6ece0f4e1768cddf8853bb2d551b",
	}, {
		source: "RFC 8439, section 2.8.2",
		suite:  aead.ChaCha20Poly1305,
		key:    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		nonce:  "070000004041424344454647",
		ad:     "50515253c0c1c2c3c4c5c6c7",
		plain:  sunscreen,
		cipher: "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116" + "1ae10b594f09e26a7e902ecbd0600691",
	}, {
		source: "draft-irtf-cfrg-xchacha-03, appendix A.3.1",
		suite:  aead.XChaCha20Poly1305,
		key:    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		nonce:  "404142434445464748494a4b4c4d4e4f5051525354555657",
		ad:     "50515253c0c1c2c3c4c5c6c7",
		plain:  sunscreen,
		cipher: "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52e" + "c0875924c1c7987947deafd8780acf49",
	}}
	for _, tt := range tests {
		t.Run(tt.suite.String(), func(t *testing.T) {
			a, err := aead.New(tt.suite, unhex(t, tt.key))
			if err != nil {
				t.Fatal(err)
			}
			nonce, ad := unhex(t, tt.nonce), unhex(t, tt.ad)
			plain, want := unhex(t, tt.plain), unhex(t, tt.cipher)
			got := a.Seal(nil, nonce, plain, ad)
			if !bytes.Equal(got, want) {
				t.Errorf("%s: Seal = %x, want %x", tt.source, got, want)
			}
			back, err := a.Open(nil, nonce, want, ad)
			if err != nil || !bytes.Equal(back, plain) {
				t.Errorf("%s: Open = %x, %v, want %x", tt.source, back, err, plain)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for _, s := range allSuites {
		for n := range 40 {
			a, err := aead.New(s, make([]byte, n))
			if n == s.KeySize() {
				if err != nil || a.Overhead() != aead.TagSize {
					t.Errorf("New(%v, %d bytes) = %v, %v", s, n, a, err)
				}
				continue
			}
			var sizeErr *aead.KeySizeError
			if a != nil || !errors.As(err, &sizeErr) || *sizeErr != (aead.KeySizeError{Suite: s, Size: n}) {
				t.Errorf("New(%v, %d bytes) = %v, %v, want a KeySizeError", s, n, a, err)
			}
			if want := fmt.Sprintf("aead: %v takes a key of %d bytes, not %d", s, s.KeySize(), n); err.Error() != want {
				t.Errorf("error %q, want %q", err, want)
			}
		}
	}
	for _, s := range []aead.Suite{0, aead.XChaCha20Poly1305 + 1, 255} {
		if _, err := aead.New(s, make([]byte, 32)); !errors.Is(err, aead.ErrSuite) {
			t.Errorf("New(%v) = %v, want ErrSuite", s, err)
		}
		if s.KeySize() != 0 || s.String() != fmt.Sprintf("Suite(%d)", uint8(s)) {
			t.Errorf("unknown suite: KeySize %d, String %q", s.KeySize(), s)
		}
	}
}

func TestPreferredWorks(t *testing.T) {
	s := aead.Preferred()
	if s != aead.AES128GCM && s != aead.ChaCha20Poly1305 {
		t.Errorf("Preferred() = %v", s)
	}
	mustAEAD(t, s)
}

func TestBackendsAreListed(t *testing.T) {
	std := map[aead.Suite]bool{}
	for _, b := range aead.Backends() {
		if b.Name == "std" {
			std[b.Suite] = true
			if b.Unavailable != "" || b.From != 0 {
				t.Errorf("Backends: %+v", b)
			}
		}
		if std[b.Suite] && b.Name != "std" {
			t.Errorf("%v: %s comes after std", b.Suite, b.Name)
		}
		t.Logf("%v: %s, from %d bytes on, unavailable: %q", b.Suite, b.Name, b.From, b.Unavailable)
	}
	if len(std) != len(allSuites) {
		t.Errorf("std is listed for %d suites", len(std))
	}
	for _, s := range allSuites {
		mustAEAD(t, s)
	}
	if n := aead.SelfTestFailures(); n != 0 {
		t.Errorf("SelfTestFailures() = %d", n)
	}
}

func TestMeasure(t *testing.T) {
	speeds := aead.Measure()
	seen := map[aead.Suite]bool{}
	for _, s := range speeds {
		seen[s.Suite] = true
		if s.Time <= 0 || s.Size <= 0 {
			t.Errorf("Measure: %+v", s)
		}
	}
	if len(seen) != len(allSuites) {
		t.Errorf("Measure tried %d suites", len(seen))
	}
	if s := aead.Preferred(); s != aead.AES128GCM && s != aead.ChaCha20Poly1305 {
		t.Errorf("Preferred() = %v after Measure", s)
	}
}
