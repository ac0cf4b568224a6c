//go:build !purego

package chachapoly

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/headrace-go/headrace/internal/registers"
)

func TestEveryLength(t *testing.T) {
	all(t)
	s := newSource(1)
	for i, n := range lengths() {
		if i%5 != 0 && (testing.Short() || raceEnabled) {
			continue
		}
		p := s.pair(t)
		nonce, plain, ad := s.bytes(nonceSize), s.bytes(n), s.bytes(i%273)
		if i%5 == 0 {
			ad = nil
		}
		want := p.want.Seal(nil, nonce, plain, ad)

		// Apart, at any alignment, between canaries.
		at := s.intN(64)
		buf := bytes.Repeat([]byte{0xa5}, at+n+tagSize+64)
		registers.FillZMM()
		got := p.got.Seal(buf[:at], nonce, plain, ad)
		if left := registers.LeftZMM(); left != 0 {
			t.Fatalf("Seal of %d bytes leaves %#x in vector registers", n, left)
		}
		if !bytes.Equal(got[at:], want) {
			t.Fatalf("Seal of %d bytes, %d of additional data: wrong", n, len(ad))
		}
		for j, b := range buf {
			if (j < at || j >= at+n+tagSize) && b != 0xa5 {
				t.Fatalf("Seal of %d bytes writes beyond its output", n)
			}
		}
		// In place, and back.
		copy(buf[at:], plain)
		registers.FillZMM()
		if !bytes.Equal(p.got.Seal(buf[at:at], nonce, buf[at:at+n], ad), want) {
			t.Fatalf("Seal of %d bytes in place: wrong", n)
		}
		registers.FillZMM()
		opened, err := p.got.Open(buf[at:at], nonce, buf[at:at+n+tagSize], ad)
		if left := registers.LeftZMM(); left != 0 {
			t.Fatalf("Open of %d bytes leaves %#x in vector registers", n, left)
		}
		if err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("Open of %d bytes in place: %v", n, err)
		}
		// Apart, and of a forgery.
		out := bytes.Repeat([]byte{0xa5}, n+64)
		registers.FillZMM()
		if opened, err := p.got.Open(out[:0], nonce, want, ad); err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("Open of %d bytes: %v", n, err)
		}
		want[s.intN(len(want))] ^= 1 << s.intN(8)
		registers.FillZMM()
		if _, err := p.got.Open(out[:0], nonce, want, ad); err == nil {
			t.Fatalf("Open of %d bytes: forgery is accepted", n)
		}
		for j, b := range out {
			if j < n && b != 0 {
				t.Fatalf("Open of a forgery of %d bytes leaves plaintext", n)
			}
			if j >= n && b != 0xa5 {
				t.Fatalf("Open of %d bytes writes beyond its output", n)
			}
		}
	}
}

// Sealed zeros are keystream: its complement, sealed, is all ones for Poly1305.
func TestOnes(t *testing.T) {
	all(t)
	s := newSource(2)
	for n := 0; n < 3400; n += 7 {
		p := s.pair(t)
		nonce := s.bytes(nonceSize)
		plain := p.want.Seal(nil, nonce, make([]byte, n), nil)[:n]
		for i := range plain {
			plain[i] ^= 0xff
		}
		ad := bytes.Repeat([]byte{0xff}, n%70)
		if got, want := p.got.Seal(nil, nonce, plain, ad), p.want.Seal(nil, nonce, plain, ad); !bytes.Equal(got, want) {
			t.Fatalf("Seal of what becomes %d ones: wrong", n)
		}
	}
}

func TestAdditionalData(t *testing.T) {
	all(t)
	s := newSource(3)
	for _, n := range []int{0, 1, 16, 190, 193, 600, 1400, 2000, 4000} {
		for a := range 273 {
			p := s.pair(t)
			nonce, plain, ad := s.bytes(nonceSize), s.bytes(n), s.bytes(a)
			want := p.want.Seal(nil, nonce, plain, ad)
			if got := p.got.Seal(nil, nonce, plain, ad); !bytes.Equal(got, want) {
				t.Fatalf("Seal of %d bytes, %d of additional data: wrong", n, a)
			}
			if a == 0 {
				continue
			}
			ad[s.intN(a)] ^= 1 << s.intN(8)
			if _, err := p.got.Open(nil, nonce, want, ad); err == nil {
				t.Fatalf("Open of %d bytes, %d of additional data: forgery is accepted", n, a)
			}
		}
	}
	for _, a := range []int{maxAdditional - 1, maxAdditional, maxAdditional + 1} {
		p := s.pair(t)
		nonce, plain, ad := s.bytes(nonceSize), s.bytes(500), s.bytes(a)
		want := p.want.Seal(nil, nonce, plain, ad)
		got := p.got.Seal(nil, nonce, plain, ad)
		if !bytes.Equal(got, want) {
			t.Fatalf("Seal with %d bytes of additional data: wrong", a)
		}
		if _, err := p.got.Open(nil, nonce, got, ad); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryBit(t *testing.T) {
	all(t)
	s := newSource(4)
	for _, n := range []int{0, 1, 64, 192, 193, 500, 1300, 1600} {
		p := s.pair(t)
		nonce, ad := s.bytes(nonceSize), s.bytes(13)
		sealed := p.want.Seal(nil, nonce, s.bytes(n), ad)
		for bit := range 8 * len(sealed) {
			sealed[bit/8] ^= 1 << (bit % 8)
			if _, err := p.got.Open(nil, nonce, sealed, ad); err == nil {
				t.Fatalf("%d bytes with bit %d flipped are accepted", n, bit)
			}
			sealed[bit/8] ^= 1 << (bit % 8)
		}
	}
	p := s.pair(t)
	for n := range tagSize {
		if _, err := p.got.Open(nil, make([]byte, nonceSize), make([]byte, n), nil); err == nil {
			t.Fatalf("%d bytes are accepted", n)
		}
	}
}

func TestXChaCha(t *testing.T) {
	skipWithout(t)
	s := newSource(5)
	for n := 0; n < 3000; n += 13 {
		key, nonce, plain, ad := s.bytes(keySize), s.bytes(nonceSizeX), s.bytes(n), s.bytes(n%40)
		if n%1001 == 0 {
			ad = s.bytes(maxAdditional + 5)
		}
		got, err := NewX(key)
		if err != nil {
			t.Fatal(err)
		}
		want, err := chacha20poly1305.NewX(key)
		if err != nil {
			t.Fatal(err)
		}
		sealed := got.Seal(nil, nonce, plain, ad)
		if !bytes.Equal(sealed, want.Seal(nil, nonce, plain, ad)) {
			t.Fatalf("Seal of %d bytes: wrong", n)
		}
		if opened, err := got.Open(nil, nonce, sealed, ad); err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("Open of %d bytes: %v", n, err)
		}
		sealed[s.intN(len(sealed))] ^= 4
		if _, err := got.Open(nil, nonce, sealed, ad); err == nil {
			t.Fatalf("Open of %d bytes: forgery is accepted", n)
		}
	}
}

func TestCallLayout(t *testing.T) {
	var a call
	for i, off := range []uintptr{
		unsafe.Offsetof(a.dst), unsafe.Offsetof(a.src), unsafe.Offsetof(a.n), unsafe.Offsetof(a.key), unsafe.Offsetof(a.nonces),
		unsafe.Offsetof(a.aad), unsafe.Offsetof(a.aadN), unsafe.Offsetof(a.tag), unsafe.Offsetof(a.mode), unsafe.Offsetof(a.diff),
		unsafe.Offsetof(a.total), unsafe.Offsetof(a.skip), unsafe.Offsetof(a.state), unsafe.Offsetof(a.length),
	} {
		if off != uintptr(8*i) {
			t.Errorf("field %d is at %d, want %d", i, off, 8*i)
		}
	}
}

// What the generator says the kernels require is what is asked for.
func TestKernelsNeedWhatIsAskedFor(t *testing.T) {
	text, err := os.ReadFile("kernel_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(map[string]bool)
	for _, f := range strings.Fields(needed.String()) {
		asked[f] = true
	}
	found := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^// Requires: (.*)$`).FindAllSubmatch(text, -1) {
		for _, f := range strings.Split(string(m[1]), ", ") {
			found[f] = true
			// CMOV and SSE2 every amd64 processor has.
			if !asked[f] && f != "CMOV" && f != "SSE2" {
				t.Errorf("the kernels need %s, and do not ask for it", f)
			}
		}
	}
	for f := range asked {
		if !found[f] {
			t.Logf("%s is asked for, though no instruction needs it", f)
		}
	}
	if len(found) == 0 {
		t.Error("kernel_amd64.s does not say what it requires")
	}
}
