package suites_test

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/headrace-go/headrace/internal/aeadtest"
	"github.com/headrace-go/headrace/internal/fused"
	"github.com/headrace-go/headrace/internal/suites"
)

// A kernel is the standard library's AEAD, by another name.
type kernel struct {
	cipher.AEAD
	calls *atomic.Int64
	fault bool
}

func (k kernel) Seal(dst, nonce, plain, ad []byte) []byte {
	k.calls.Add(1)
	out := k.AEAD.Seal(dst, nonce, plain, ad)
	if k.fault && len(plain) > 1000 {
		out[len(out)-1] ^= 1
	}
	return out
}

func (k kernel) Open(dst, nonce, record, ad []byte) ([]byte, error) {
	k.calls.Add(1)
	return k.AEAD.Open(dst, nonce, record, ad)
}

// stdOf is the standard library's backend of a suite.
func stdOf(id suites.ID) suites.Backend {
	all := none().Backends(id)
	return all[len(all)-1]
}

func none() *suites.Registry {
	return suites.NewRegistry(func(suites.ID) []suites.Backend { return nil }, suites.Options{})
}

func fake(id suites.ID, name string, from int, calls *atomic.Int64, fault bool) suites.Backend {
	return suites.Backend{Name: name, From: from, New: func(key []byte) (cipher.AEAD, error) {
		a, err := stdOf(id).New(key)
		return kernel{a, calls, fault}, err
	}}
}

// With nothing better the standard library's own value is what New returns.
func TestStandardValue(t *testing.T) {
	for _, id := range suites.All() {
		key := make([]byte, id.KeySize())
		want, err := stdOf(id).New(key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := none().New(id, key)
		if err != nil || fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
			t.Errorf("New(%v) = %T, %v, want %T", id, got, err, want)
		}
	}
}

// Every backend of this program, whether it is chosen or not.
func TestBackends(t *testing.T) {
	judges := map[suites.ID]aeadtest.Suite{
		suites.AES128GCM: aeadtest.AES128GCM, suites.AES256GCM: aeadtest.AES256GCM,
		suites.ChaCha20Poly1305: aeadtest.ChaCha20Poly1305, suites.XChaCha20Poly1305: aeadtest.XChaCha20Poly1305,
	}
	for _, id := range suites.All() {
		for _, b := range suites.Default().Backends(id) {
			t.Run(b.Name, func(t *testing.T) {
				if b.Name == suites.Std {
					t.Skip("judged by aeadtest's own tests")
				}
				if b.Unavailable != "" {
					t.Skipf("%s cannot run here: %s", b.Name, b.Unavailable)
				}
				aeadtest.Run(t, judges[id], b.New)
			})
		}
	}
}

// What New makes of this program's backends, which may be several by length.
func TestDefault(t *testing.T) {
	for _, id := range suites.All() {
		a, err := suites.Default().New(id, make([]byte, id.KeySize()))
		if err != nil || a.NonceSize() != id.NonceSize() {
			t.Errorf("New(%v) = %v, %v", id, a, err)
		}
	}
	if n := suites.Default().Failures(); n != 0 {
		t.Errorf("%d backends failed their self-test", n)
	}
}

func TestBrokenKernelIsNotUsed(t *testing.T) {
	var broken, good, panicky atomic.Int64
	r := suites.NewRegistry(func(id suites.ID) []suites.Backend {
		if id != suites.AES256GCM {
			return nil
		}
		return []suites.Backend{
			fake(id, "broken", 0, &broken, true),
			{Name: "panicky", New: func([]byte) (cipher.AEAD, error) { panicky.Add(1); panic("no such instruction") }},
			{Name: "failing", New: func([]byte) (cipher.AEAD, error) { return nil, errors.New("no") }},
			fake(id, "good", 0, &good, false),
		}
	}, suites.Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			a, err := r.New(suites.AES256GCM, make([]byte, 32))
			if err != nil {
				t.Error(err)
				return
			}
			before := broken.Load()
			a.Seal(nil, make([]byte, 12), make([]byte, 2000), nil)
			if broken.Load() != before {
				t.Error("a broken kernel is used")
			}
		})
	}
	wg.Wait()
	if r.Failures() != 3 || panicky.Load() != 1 {
		t.Errorf("Failures() = %d, want 3; tested %d times, want once", r.Failures(), panicky.Load())
	}
	var why []string
	for _, b := range r.Backends(suites.AES256GCM) {
		why = append(why, b.Name+": "+b.Unavailable)
	}
	want := []string{
		"broken: failed its self-test: its Seal of 1350 bytes is wrong",
		"panicky: failed its self-test: panic: no such instruction",
		"failing: failed its self-test: no",
		"good: ",
		"std: ",
	}
	if !slices.Equal(why, want) {
		t.Errorf("Backends = %q, want %q", why, want)
	}
	// The others are as before.
	if _, err := r.New(suites.AES128GCM, make([]byte, 16)); err != nil || r.Failures() != 3 {
		t.Errorf("another suite: %v, %d failures", err, r.Failures())
	}
}

// chunky has chunks in one call, by two calls.
type chunky struct{ kernel }

func (c chunky) SealChunk(dst, nonces, payload []byte) []byte {
	c.calls.Add(1)
	out := c.AEAD.Seal(nil, nonces[12:], payload, nil)
	dst = c.AEAD.Seal(dst, nonces[:12], []byte{byte(len(payload) >> 8), byte(len(payload))}, nil)
	return append(dst, out...)
}

func (c chunky) OpenChunk(dst, nonces, src []byte, limit int) ([]byte, int, error) {
	c.calls.Add(1)
	length, err := c.AEAD.Open(nil, nonces[:12], src[:fused.Headroom], nil)
	if err != nil {
		return nil, 0, err
	}
	n := int(length[0])<<8 | int(length[1])
	size := n + fused.Overhead
	if size > len(src) || n > limit {
		return nil, size, nil
	}
	out, err := c.AEAD.Open(dst, nonces[12:], src[fused.Headroom:size], nil)
	return out, size, err
}

func TestChoiceByLength(t *testing.T) {
	const id = suites.ChaCha20Poly1305
	var wide, middle atomic.Int64
	r := suites.NewRegistry(func(is suites.ID) []suites.Backend {
		if is != id {
			return nil
		}
		w := fake(id, "wide", 1000, &wide, false)
		plainNew := w.New
		w.New = func(key []byte) (cipher.AEAD, error) {
			a, err := plainNew(key)
			return chunky{a.(kernel)}, err
		}
		return []suites.Backend{
			w,
			fake(id, "useless", 1000, &wide, false), // no better anywhere than wide
			fake(id, "never", -1, &wide, false),
			fake(id, "middle", 100, &middle, false),
		}
	}, suites.Options{})
	newAEAD := func(key []byte) (cipher.AEAD, error) {
		if len(key) != 32 {
			return nil, errors.New("key size")
		}
		return r.New(id, key)
	}
	a, err := newAEAD(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, 12)
	wide.Store(0)
	middle.Store(0)
	for _, n := range []int{0, 99, 100, 999, 1000, 5000} {
		record := a.Seal(nil, nonce, make([]byte, n), nil)
		if _, err := a.Open(record[:0], nonce, record, nil); err != nil {
			t.Fatal(err)
		}
		want := map[int][2]int64{0: {}, 99: {}, 100: {0, 2}, 999: {0, 4}, 1000: {2, 4}, 5000: {4, 4}}[n]
		if got := [2]int64{wide.Load(), middle.Load()}; got != want {
			t.Errorf("after %d bytes: calls %v, want %v", n, got, want)
		}
	}
	if _, ok := a.(fused.ChunkSealer); !ok {
		t.Error("the choice hides that chunks can be sealed in one call")
	}
	err = aeadtest.Check(aeadtest.ChaCha20Poly1305, newAEAD,
		"Shape", "Lengths", "Overlap", "Forgeries", "ForgedChunks", "Concurrency")
	if err != nil {
		t.Error(err)
	}
}

func TestRestricted(t *testing.T) {
	var calls atomic.Int64
	kernels := func(id suites.ID) []suites.Backend {
		return []suites.Backend{fake(id, "one", 0, &calls, false), fake(id, "two", 0, &calls, false)}
	}
	for _, tt := range []struct {
		allowed string
		want    string
	}{{"std", "std"}, {"", "std"}, {"two", "two std"}, {"two,one", "one two std"}, {"std,one", "one std"}, {"nonsense", "std"}} {
		r := suites.NewRegistry(kernels, suites.Options{Restricted: true, Allowed: strings.Split(tt.allowed, ",")})
		for _, id := range suites.All() {
			var usable []string
			for _, b := range r.Backends(id) {
				if b.Unavailable == "" {
					usable = append(usable, b.Name)
				}
			}
			if got := strings.Join(usable, " "); got != tt.want {
				t.Errorf("allowed %q: %v has %q, want %q", tt.allowed, id, got, tt.want)
			}
			a, err := r.New(id, make([]byte, id.KeySize()))
			if err != nil {
				t.Fatal(err)
			}
			if _, isKernel := a.(kernel); isKernel != (usable[0] != "std") {
				t.Errorf("allowed %q: New(%v) is %T", tt.allowed, id, a)
			}
		}
	}
}

func TestThresholds(t *testing.T) {
	std := []int{80, 110, 200, 390, 3000}
	for _, tt := range []struct {
		name  string
		times [][]int
		want  []int
	}{
		{"std alone", [][]int{std}, []int{0}},
		{"always faster", [][]int{{15, 16, 28, 65, 620}, std}, []int{0, 0}},
		{"as fast", [][]int{{83, 113, 205, 400, 3100}, std}, []int{0, 0}},
		{"slower when short", [][]int{{90, 150, 180, 190, 800}, std}, []int{350, 0}},
		{"once slower again", [][]int{{15, 16, 220, 100, 800}, std}, []int{1350, 0}},
		{"never", [][]int{{90, 150, 300, 500, 4000}, std}, []int{-1, 0}},
		{"two", [][]int{{90, 90, 90, 90, 700}, {50, 80, 88, 95, 1500}, std}, []int{350, 0, 0}},
		{"not made", [][]int{nil, std}, []int{-1, 0}},
	} {
		if got := suites.Thresholds(tt.times...); !slices.Equal(got, tt.want) {
			t.Errorf("%s: thresholds = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Measuring changes what is chosen, and nothing about what comes out.
func TestMeasure(t *testing.T) {
	r := suites.NewRegistry(func(id suites.ID) []suites.Backend {
		var calls atomic.Int64
		slow := fake(id, "slow", 0, &calls, false)
		plainNew := slow.New
		slow.New = func(key []byte) (cipher.AEAD, error) {
			a, err := plainNew(key)
			return sluggish{a}, err
		}
		return []suites.Backend{slow}
	}, suites.Options{})
	speeds := r.Measure()
	if want := len(suites.All()) * 2 * len(suites.MeasuredSizes); len(speeds) != want {
		t.Errorf("%d speeds, want %d", len(speeds), want)
	}
	for _, id := range suites.All() {
		if from := r.Backends(id)[0].From; from != -1 {
			t.Errorf("%v: a backend that does everything three times is used from %d bytes on", id, from)
		}
		key := make([]byte, id.KeySize())
		a, err := r.New(id, key)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := stdOf(id).New(key)
		nonce := make([]byte, id.NonceSize())
		if !bytes.Equal(a.Seal(nil, nonce, key, nil), want.Seal(nil, nonce, key, nil)) {
			t.Errorf("%v seals otherwise after Measure", id)
		}
	}
}

type sluggish struct{ cipher.AEAD }

func (s sluggish) Seal(dst, nonce, plain, ad []byte) []byte {
	for range 20 {
		s.AEAD.Seal(nil, nonce, plain, ad)
	}
	return s.AEAD.Seal(dst, nonce, plain, ad)
}

func TestFIPSOption(t *testing.T) {
	var calls atomic.Int64
	r := suites.NewRegistry(func(id suites.ID) []suites.Backend {
		return []suites.Backend{fake(id, "wide", 0, &calls, false)}
	}, suites.Options{FIPS: true})
	for _, id := range suites.All() {
		a, err := r.New(id, make([]byte, id.KeySize()))
		approved := id == suites.AES128GCM || id == suites.AES256GCM
		if (err == nil) != approved {
			t.Errorf("New(%v) in FIPS 140 mode = %v, %v", id, a, err)
		}
		if _, isKernel := a.(kernel); isKernel {
			t.Errorf("New(%v) in FIPS 140 mode is a kernel", id)
		}
	}
	if calls.Load() != 0 {
		t.Error("a kernel was tried in FIPS 140 mode")
	}
}
