package cpufeat

import (
	"strings"
	"testing"
)

// A recorded processor: its leaves 0, 1 and 7, and XCR0.
type recorded struct {
	leaves [8][4]uint32
	xcr0   uint32
}

func (r recorded) processor() processor {
	return processor{
		cpuid: func(leaf, _ uint32) (a, b, c, d uint32) {
			l := r.leaves[leaf]
			return l[0], l[1], l[2], l[3]
		},
		xcr0: func() uint32 { return r.xcr0 },
	}
}

const all Feature = 1<<features - 1

// everything is a processor with all extensions, of a vendor and a model.
func everything(vendor string, family, model uint32) recorded {
	var r recorded
	word := func(s string) uint32 {
		return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
	}
	r.leaves[0] = [4]uint32{7, word(vendor[0:4]), word(vendor[8:12]), word(vendor[4:8])}
	eax := model&15<<4 | model>>4<<16
	if family >= 15 {
		eax |= 15<<8 | (family-15)<<20
	} else {
		eax |= family << 8
	}
	for _, b := range bits {
		r.leaves[b.leaf][b.register] |= 1 << b.bit
	}
	r.leaves[1][0] = eax
	r.leaves[1][2] |= 1 << 27
	r.xcr0 = 0xe7
	return r
}

func TestEverything(t *testing.T) {
	p := everything("AuthenticAMD", 26, 2).processor()
	if got := p.has(); got != all {
		t.Errorf("has() lacks %v", all&^got)
	}
	if got := p.missing("linux", all); got != "" {
		t.Errorf("missing(linux, all) = %q, want none", got)
	}
	if family, model := p.model(); family != 26 || model != 2 {
		t.Errorf("model() = %d, %d, want 26, 2", family, model)
	}
}

func TestEachBitCounts(t *testing.T) {
	for i, b := range bits {
		r := everything("AuthenticAMD", 26, 2)
		r.leaves[b.leaf][b.register] &^= 1 << b.bit
		want := Feature(1) << i
		if got := all &^ r.processor().has(); got != want {
			t.Errorf("without its bit for %v, the processor lacks %v", want, got)
		}
		if got := r.processor().missing("linux", all); !strings.Contains(got, want.String()) {
			t.Errorf("missing(linux, all) = %q, want %v named", got, want)
		}
		if got := r.processor().missing("linux", all&^want); got != "" {
			t.Errorf("missing(linux, all but %v) = %q, want none", want, got)
		}
	}
}

func TestStateMustBeSaved(t *testing.T) {
	for _, test := range []struct {
		name  string
		xcr0  uint32
		bit27 bool
		lacks Feature
	}{
		{"all", 0xe7, true, 0},
		{"no OSXSAVE", 0xe7, false, saveYMM | saveZMM},
		{"no masks", 0xc7, true, saveZMM},
		{"no upper halves of ZMM", 0xa7, true, saveZMM},
		{"no Z16 to Z31", 0x67, true, saveZMM},
		{"no YMM", 0xe3, true, saveYMM | saveZMM},
		{"no XMM", 0xe5, true, saveYMM | saveZMM},
		{"AVX only", 0x07, true, saveZMM},
	} {
		r := everything("AuthenticAMD", 26, 2)
		r.xcr0 = test.xcr0
		if !test.bit27 {
			r.leaves[1][2] &^= 1 << 27
		}
		if got := all &^ r.processor().has(); got != test.lacks {
			t.Errorf("%s: lacks %v, want %v", test.name, got, test.lacks)
		}
	}
}

func TestOldProcessor(t *testing.T) {
	r := everything(intel, 6, 143)
	r.leaves[0][0] = 1
	if got := r.processor().has() &^ (SSSE3 | SSE41 | AES | PCLMULQDQ | AVX); got != 0 {
		t.Errorf("without leaf 7, has() = %v", got)
	}
	r.leaves[0][0] = 0
	if got := r.processor().has(); got != 0 {
		t.Errorf("without leaf 1, has() = %v", got)
	}
}

func TestModels(t *testing.T) {
	for model := range uint32(256) {
		p := everything(intel, 6, model).processor()
		if got := p.missing("linux", AVX512) != ""; got != slow[int(model)] {
			t.Errorf("Intel model %d: unavailable is %t, want %t", model, got, slow[int(model)])
		}
		if got := p.missing("linux", AVX2|VAES); got != "" {
			t.Errorf("Intel model %d, 256 bits: %q, want none", model, got)
		}
	}
	if got := everything("AuthenticAMD", 25, 85).processor().missing("linux", AVX512); got != "" {
		t.Errorf("AMD model 85: %q, want none", got)
	}
}

func TestDarwin(t *testing.T) {
	p := everything(intel, 6, 143).processor()
	if p.missing("darwin", AVX512F) == "" {
		t.Error("AVX-512 is available on darwin")
	}
	if got := p.missing("darwin", AVX2); got != "" {
		t.Errorf("AVX2 on darwin: %q, want none", got)
	}
}

func TestMissingNothing(t *testing.T) {
	if got := Missing(0); got != "" {
		t.Errorf("Missing(0) = %q, want none", got)
	}
	t.Logf("here all but %q", Missing(all))
}
