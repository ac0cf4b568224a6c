//go:build !purego

package aesgcm

import (
	"crypto/cipher"
	"crypto/fips140"
	"os"
	"runtime"
	"slices"
)

func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// xgetbv reads XCR0: which registers the system saves. It may only be called
// if CPUID has the bit OSXSAVE.
func xgetbv() (eax, edx uint32)

// A processor is what decides whether a kernel can and should run.
type processor struct {
	vendor        string
	family, model uint32
	ecx1          uint32 // CPUID leaf 1
	ebx7, ecx7    uint32 // CPUID leaf 7
	xcr0          uint32
}

// A feature is one bit of what a processor and its system have.
type feature struct {
	name string
	word func(*processor) uint32
	bit  uint
}

func ecx1(p *processor) uint32 { return p.ecx1 }
func ebx7(p *processor) uint32 { return p.ebx7 }
func ecx7(p *processor) uint32 { return p.ecx7 }
func xcr0(p *processor) uint32 { return p.xcr0 }

var ymmFeatures = []feature{
	{"PCLMULQDQ", ecx1, 1},
	{"SSSE3", ecx1, 9},
	{"AES", ecx1, 25},
	{"OSXSAVE", ecx1, 27},
	{"AVX", ecx1, 28},
	{"XMM state", xcr0, 1},
	{"YMM state", xcr0, 2},
	{"AVX2", ebx7, 5},
	{"BMI2", ebx7, 8},
	{"VAES", ecx7, 9},
	{"VPCLMULQDQ", ecx7, 10},
}

var zmmFeatures = slices.Concat(ymmFeatures, []feature{
	{"mask state", xcr0, 5},
	{"ZMM state", xcr0, 6},
	{"ZMM16-31 state", xcr0, 7},
	{"AVX512F", ebx7, 16},
	{"AVX512DQ", ebx7, 17},
	{"AVX512BW", ebx7, 30},
	{"AVX512VL", ebx7, 31},
})

// slowZMM are models of Intel's family 6 that lower their clock for 512 bits:
// Skylake-SP to Cooper Lake, Ice Lake, Tiger Lake.
var slowZMM = []uint32{85, 106, 108, 125, 126, 140, 141}

func thisProcessor() *processor {
	highest, b, c, d := cpuid(0, 0)
	p := &processor{vendor: string(appendWords(nil, b, d, c))}
	var signature uint32
	signature, _, p.ecx1, _ = cpuid(1, 0)
	p.family = signature >> 8 & 0xf
	p.model = signature >> 4 & 0xf
	if p.family == 6 || p.family == 15 {
		p.model |= signature >> 16 & 0xf << 4
	}
	if p.family == 15 {
		p.family += signature >> 20 & 0xff
	}
	if highest >= 7 {
		_, p.ebx7, p.ecx7, _ = cpuid(7, 0)
	}
	if p.ecx1>>27&1 != 0 {
		p.xcr0, _ = xgetbv()
	}
	return p
}

func appendWords(b []byte, words ...uint32) []byte {
	for _, w := range words {
		b = append(b, byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
	}
	return b
}

// lacks returns the first of features that p has not, or "".
func (p *processor) lacks(features []feature) string {
	for _, f := range features {
		if f.word(p)>>f.bit&1 == 0 {
			return f.name
		}
	}
	return ""
}

// unavailable says why kernels with these features should not run, or "".
func (p *processor) unavailable(features []feature, wide bool, goos string, fips bool, choice string) string {
	switch lack := p.lacks(features); {
	case lack != "":
		return "no " + lack
	case goos == "darwin":
		// Its signals do not keep all of AVX-512's state (golang/go#49233),
		// and what else it does with vectors is not tested.
		return "not on darwin"
	case fips:
		return "FIPS 140 mode"
	case choice == "std":
		return "HEADRACE_AEAD=std"
	case wide && p.vendor == "GenuineIntel" && p.family == 6 && slices.Contains(slowZMM, p.model):
		return "this processor lowers its clock for 512 bits"
	}
	return ""
}

func backends() []Backend {
	p := thisProcessor()
	backend := func(name string, features []feature, wide bool, k128, k256 kernel) Backend {
		b := Backend{Name: name}
		b.Unavailable = p.unavailable(features, wide, runtime.GOOS, fips140.Enabled(), os.Getenv("HEADRACE_AEAD"))
		if b.Unavailable == "" {
			b.New = func(key []byte) (cipher.AEAD, error) {
				g, err := newGCM(key, k128, k256)
				if err != nil {
					return nil, err
				}
				return g, nil
			}
		}
		return b
	}
	return []Backend{
		backend("zmm", zmmFeatures, true, zmm128, zmm256),
		backend("ymm", ymmFeatures, false, ymm128, ymm256),
	}
}
