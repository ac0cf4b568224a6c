//go:build !purego

package chachapoly

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/headrace-go/headrace/internal/cpufeat"
	"github.com/headrace-go/headrace/internal/registers"
)

// skipWithout skips a test of the kernels where they cannot run.
func skipWithout(t testing.TB) {
	t.Helper()
	if reason := cpufeat.Missing(needed); reason != "" {
		t.Skip(reason)
	}
}

// all switches the hand-over to golang.org/x/crypto off during a test.
func all(t testing.TB) {
	skipWithout(t)
	saved := others
	others = choice{}
	t.Cleanup(func() { others = saved })
}

type source struct{ *rand.ChaCha8 }

func newSource(seed byte) source { return source{rand.NewChaCha8([32]byte{seed})} }

func (s source) bytes(n int) []byte {
	b := make([]byte, n)
	s.Read(b)
	return b
}

func (s source) intN(n int) int { return int(s.Uint64() % uint64(n)) }

// pair is an AEAD of ours, and what it is compared with.
type pair struct{ got, want cipher.AEAD }

func (s source) pair(t testing.TB) (p pair) {
	t.Helper()
	key := s.bytes(keySize)
	got, err := New(key)
	if err != nil {
		t.Fatal(err)
	}
	p.got = got
	if p.want, err = chacha20poly1305.New(key); err != nil {
		t.Fatal(err)
	}
	return p
}

// lengths are all up to where the loops are entered in every way, and some
// around the multiples of what they do, and of what is done in one call.
func lengths() []int {
	var l []int
	for n := range 4161 {
		l = append(l, n)
	}
	for m := 6144; m <= 1<<16; m += 1536 {
		for _, d := range []int{-128, -65, -64, -1, 0, 1, 15, 16, 127, 128} {
			l = append(l, m+d)
		}
	}
	for _, m := range []int{1 << 16, 1 << 17, 1<<17 + 1536} {
		for _, d := range []int{-129, -128, -1, 0, 1, 16, 64, 128, 192, 193, 1000} {
			l = append(l, m+d)
		}
	}
	return l
}

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

func TestChunks(t *testing.T) {
	all(t)
	s := newSource(6)
	var sizes []int
	for n := range 3300 {
		sizes = append(sizes, n)
	}
	sizes = append(sizes, 8191, 16383, 16384, 20000, 30720, 65535)
	for i, n := range sizes {
		if i%5 != 0 && raceEnabled {
			continue
		}
		p := s.pair(t)
		got := p.got.(*AEAD)
		nonces, payload := s.bytes(2*nonceSize), s.bytes(n)
		want := p.want.Seal(nil, nonces[:nonceSize], binary.BigEndian.AppendUint16(nil, uint16(n)), nil)
		want = p.want.Seal(want, nonces[nonceSize:], payload, nil)

		registers.FillZMM()
		sealed := got.SealChunk([]byte("before"), nonces, payload)
		if left := registers.LeftZMM(); left != 0 {
			t.Fatalf("SealChunk of %d bytes leaves %#x in vector registers", n, left)
		}
		if string(sealed[:6]) != "before" || !bytes.Equal(sealed[6:], want) {
			t.Fatalf("SealChunk of %d bytes: wrong", n)
		}
		buf := bytes.Repeat([]byte{0xa5}, n+chunkOverhead+64)
		copy(buf[chunkHeadroom:], payload)
		registers.FillZMM()
		if sealed := got.SealChunk(buf[:0], nonces, buf[chunkHeadroom:chunkHeadroom+n]); !bytes.Equal(sealed, want) {
			t.Fatalf("SealChunk of %d bytes in place: wrong", n)
		}
		for _, b := range buf[len(want):] {
			if b != 0xa5 {
				t.Fatalf("SealChunk of %d bytes writes beyond its output", n)
			}
		}

		// Opened: after a chunk of the same length and of another, each in a way
		// of its own; apart, not yet whole, beyond a limit, in place.
		registers.FillZMM()
		for _, last := range []int{n, n + 1, max(0, n-1), 0} {
			got.last.Store(int32(last))
			registers.FillZMM()
			out := bytes.Repeat([]byte{0xa5}, n+64)
			behind := append(bytes.Clone(want), make([]byte, 64)...)
			opened, size, err := got.OpenChunk(out[:0:n+8], nonces, behind, n+9)
			if left := registers.LeftZMM(); left != 0 {
				t.Fatalf("OpenChunk of %d bytes leaves %#x in vector registers", n, left)
			}
			if err != nil || size != len(want) || !bytes.Equal(opened, payload) {
				t.Fatalf("OpenChunk of %d bytes after %d: size %d, %v", n, last, size, err)
			}
			for _, b := range out[n:] {
				if b != 0xa5 {
					t.Fatalf("OpenChunk of %d bytes after %d writes beyond its output", n, last)
				}
			}
			if n > 0 && int(got.last.Load()) != n {
				t.Fatalf("OpenChunk of %d bytes after %d expects %d next", n, last, got.last.Load())
			}
			// Forged: each bit of the length and its tag, one of the payload.
			got.last.Store(int32(last))
			for _, bit := range []int{s.intN(16), 16 + s.intN(128), 144 + s.intN(8*(n+tagSize))} {
				clear(out)
				behind[bit/8] ^= 1 << (bit % 8)
				if opened, _, err := got.OpenChunk(out[:0:n+8], nonces, behind, n+9); err == nil || opened != nil {
					t.Fatalf("OpenChunk of %d bytes after %d: forged bit %d is accepted", n, last, bit)
				}
				behind[bit/8] ^= 1 << (bit % 8)
				if !bytes.Equal(out, make([]byte, n+64)) {
					t.Fatalf("OpenChunk of %d forged bytes after %d leaves plaintext", n, last)
				}
			}
		}
		opened, size, err := got.OpenChunk([]byte("before"), nonces, append(want, "behind"...), n)
		if err != nil || size != len(want) || string(opened[:6]) != "before" || !bytes.Equal(opened[6:], payload) {
			t.Fatalf("OpenChunk of %d bytes: size %d, %v", n, size, err)
		}
		opened, size, err = got.OpenChunk(nil, nonces, want[:len(want)-1], n)
		if err != nil || size != len(want) || opened != nil {
			t.Fatalf("OpenChunk of %d bytes without the last: %d bytes, size %d, %v", n, len(opened), size, err)
		}
		opened, size, err = got.OpenChunk(nil, nonces, want, n-1)
		if err != nil || size != len(want) || opened != nil {
			t.Fatalf("OpenChunk of %d bytes, one beyond the limit: %d bytes, size %d, %v", n, len(opened), size, err)
		}
		bad := bytes.Clone(want)
		bad[s.intN(len(bad))] ^= 1 << s.intN(8)
		out := make([]byte, n)
		if opened, _, err = got.OpenChunk(out[:0], nonces, bad, n); err == nil || opened != nil {
			t.Fatalf("OpenChunk of %d bytes: forgery is accepted", n)
		}
		if !bytes.Equal(out, make([]byte, n)) {
			t.Fatalf("OpenChunk of a forgery of %d bytes leaves plaintext", n)
		}
		registers.FillZMM()
		opened, _, err = got.OpenChunk(buf[chunkHeadroom:chunkHeadroom], nonces, buf[:len(want)], n)
		if err != nil || !bytes.Equal(opened, payload) {
			t.Fatalf("OpenChunk of %d bytes in place: %v", n, err)
		}
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

func TestOverlap(t *testing.T) {
	all(t)
	s := newSource(7)
	p := s.pair(t)
	nonce := s.bytes(nonceSize)
	buf := make([]byte, 2100)
	const center = 700
	for _, n := range []int{1, 16, 100, 333} {
		sealed := p.want.Seal(nil, nonce, make([]byte, n), nil)
		for d := -n - 40; d <= n+40; d++ {
			in := buf[center+d : center+d+n]
			refused := d != 0 && d < n+tagSize && d > -n
			if got := panics(func() { p.got.Seal(buf[center:center], nonce, in, nil) }); got != refused {
				t.Fatalf("Seal of %d bytes from distance %d: panics %t, want %t", n, d, got, refused)
			}
			in = buf[center+d : center+d+n+tagSize]
			copy(in, sealed)
			refused = d != 0 && d < n && d > -n
			if got := panics(func() { p.got.Open(buf[center:center], nonce, in, nil) }); got != refused {
				t.Fatalf("Open of %d bytes from distance %d: panics %t, want %t", n, d, got, refused)
			}
			in = buf[center+d : center+d+n]
			refused = d != chunkHeadroom && d < n+chunkOverhead && d > -n
			if got := panics(func() { p.got.(*AEAD).SealChunk(buf[center:center], make([]byte, 24), in) }); got != refused {
				t.Fatalf("SealChunk of %d bytes from distance %d: panics %t, want %t", n, d, got, refused)
			}
		}
		ad := buf[center+n-1 : center+n]
		if !panics(func() { p.got.Seal(buf[center:center], nonce, make([]byte, n), ad) }) {
			t.Fatalf("Seal of %d bytes over the additional data does not panic", n)
		}
	}
}

// What is handed over is the same, and so are its errors.
func TestHandOver(t *testing.T) {
	all(t)
	s := newSource(10)
	everything := [2]span{{0, 1 << 20}}
	others = choice{seal: everything, open: everything}
	for n := range 500 {
		p := s.pair(t)
		nonce, plain, ad := s.bytes(nonceSize), s.bytes(n), s.bytes(n%20)
		sealed := p.got.Seal(nil, nonce, plain, ad)
		if !bytes.Equal(sealed, p.want.Seal(nil, nonce, plain, ad)) {
			t.Fatalf("Seal of %d bytes, handed over: wrong", n)
		}
		if opened, err := p.got.Open(nil, nonce, sealed, ad); err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("Open of %d bytes, handed over: %v", n, err)
		}
		sealed[0] ^= 1
		if _, err := p.got.Open(nil, nonce, sealed, ad); err != errOpen {
			t.Fatalf("Open of a forgery of %d bytes, handed over: %v, want %v", n, err, errOpen)
		}
	}
}

func TestWrongLengths(t *testing.T) {
	skipWithout(t)
	if _, err := New(make([]byte, 31)); err == nil {
		t.Error("New takes a key of 31 bytes")
	}
	if _, err := NewX(make([]byte, 33)); err == nil {
		t.Error("NewX takes a key of 33 bytes")
	}
	for _, b := range append(Backends(), BackendsX()...) {
		if a, err := b.New(make([]byte, 16)); a != nil || err == nil {
			t.Errorf("%s: New of 16 bytes = %v, %v, want nil and an error", b.Name, a, err)
		}
	}
	a, err := New(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	x, err := NewX(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(){
		"Seal":       func() { a.Seal(nil, make([]byte, 11), nil, nil) },
		"Open":       func() { a.Open(nil, make([]byte, 13), make([]byte, 16), nil) },
		"SealX":      func() { x.Seal(nil, make([]byte, 12), nil, nil) },
		"OpenX":      func() { x.Open(nil, make([]byte, 12), make([]byte, 16), nil) },
		"SealChunk":  func() { a.SealChunk(nil, make([]byte, 23), nil) },
		"OpenChunk":  func() { a.OpenChunk(nil, make([]byte, 12), make([]byte, 18), 9) },
		"short":      func() { a.OpenChunk(nil, make([]byte, 24), make([]byte, 17), 9) },
		"long chunk": func() { a.SealChunk(nil, make([]byte, 24), make([]byte, maxPayload+1)) },
	} {
		if !panics(f) {
			t.Errorf("%s with a wrong length does not panic", name)
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

func TestAllocs(t *testing.T) {
	skipWithout(t)
	a, err := New(make([]byte, keySize))
	if err != nil {
		t.Fatal(err)
	}
	x, err := NewX(make([]byte, keySize))
	if err != nil {
		t.Fatal(err)
	}
	nonces := make([]byte, 24)
	for _, n := range []int{0, 100, 300, 1350, 16384, 65535, 100000} {
		buf := make([]byte, n+chunkOverhead)
		in := buf[chunkHeadroom : chunkHeadroom+n]
		for name, f := range map[string]func(){
			"Seal": func() { a.Seal(in[:0], nonces[:12], in, nil) },
			"Open": func() {
				a.Seal(in[:0], nonces[:12], in, nil)
				a.Open(in[:0], nonces[:12], in[:n+tagSize], nil)
			},
			"SealX": func() { x.Seal(in[:0], nonces, in, nil) },
			"SealChunk": func() {
				if n <= maxPayload {
					a.SealChunk(buf[:0], nonces, in)
					a.OpenChunk(in[:0], nonces, buf, n)
				}
			},
		} {
			if got := testing.AllocsPerRun(10, f); got != 0 {
				t.Errorf("%s of %d bytes: %v allocations, want 0", name, n, got)
			}
		}
	}
}

// After a record neither its key, the one-time key, nor its text is on the
// stack, where the kernel had them.
func TestStackIsCleared(t *testing.T) {
	all(t)
	s := newSource(11)
	deepen(1 << 16)
	var stack [2048]byte
	for n := 100; n < 3500; n += 97 {
		key, nonce := s.bytes(keySize), s.bytes(nonceSize)
		a, err := New(key)
		if err != nil {
			t.Fatal(err)
		}
		plain := s.bytes(n)
		stream, err := chacha20.NewUnauthenticatedCipher(key, nonce)
		if err != nil {
			t.Fatal(err)
		}
		oneTime := make([]byte, 32)
		stream.XORKeyStream(oneTime, oneTime)
		out := make([]byte, 0, n+tagSize)
		look := func(what string, stackOf func(*[2048]byte)) {
			stackOf(&stack)
			for name, secret := range map[string][]byte{"its key": key, "the one-time key": oneTime[16:], "text": plain[n-16:]} {
				if bytes.Contains(stack[:], secret[:8]) {
					t.Fatalf("%s of %d bytes leaves %s on the stack", what, n, name)
				}
			}
		}
		sealed := a.Seal(out, nonce, plain, nil)
		look("Seal", registers.Stack)
		look("Seal", lowerStack)
		if _, err := a.Open(out, nonce, sealed, nil); err != nil {
			t.Fatal(err)
		}
		look("Open", registers.Stack)
		look("Open", lowerStack)
	}
}

// lowerStack is registers.Stack from further down: one frame is 2.5 KB.
//
//go:noinline
func lowerStack(dst *[2048]byte) {
	var room [1200]byte
	registers.Stack(dst)
	runtime.KeepAlive(&room)
}

//go:noinline
func deepen(n int) byte {
	var room [1024]byte
	if n > len(room) {
		room[n%len(room)] = deepen(n - len(room))
	}
	runtime.KeepAlive(&room)
	return room[0]
}
