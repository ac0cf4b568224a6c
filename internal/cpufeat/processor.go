package cpufeat

import "fmt"

// A processor is what CPUID and XGETBV say of one.
type processor struct {
	// cpuid returns EAX, EBX, ECX and EDX of a leaf.
	cpuid func(leaf, subleaf uint32) (a, b, c, d uint32)
	// xcr0 returns the lower half of XCR0. It is called only with OSXSAVE.
	xcr0 func() uint32
}

const intel = "GenuineIntel"

// slow are the models of Intel's family 6 that lower their clock for 512-bit
// registers, or did in the experience of others: Skylake-X, Cannon Lake, Ice
// Lake, Tiger Lake.
var slow = map[int]bool{85: true, 102: true, 106: true, 108: true, 125: true, 126: true, 140: true, 141: true}

// bits says where CPUID tells of each extension: the register (a, b, c, d as
// 0 to 3) of leaf 1 or leaf 7, and the bit.
var bits = [features]struct{ leaf, register, bit uint8 }{
	{1, 2, 9}, {1, 2, 19}, {1, 2, 25}, {1, 2, 1}, // SSSE3, SSE4.1, AES, PCLMULQDQ
	{7, 1, 3}, {7, 1, 8}, {7, 1, 19}, // BMI1, BMI2, ADX
	{1, 2, 28}, {7, 1, 5}, {7, 2, 9}, {7, 2, 10}, // AVX, AVX2, VAES, VPCLMULQDQ
	{7, 1, 16}, {7, 1, 17}, {7, 1, 30}, {7, 1, 31}, {7, 1, 21}, // AVX-512 F, DQ, BW, VL, IFMA
	{7, 2, 1}, {7, 2, 6}, // VBMI, VBMI2
}

// has returns the extensions that may be used, as the system goes.
func (p processor) has() Feature {
	var leaves [8][4]uint32
	top, _, _, _ := p.cpuid(0, 0)
	for _, leaf := range []uint32{1, 7} {
		if leaf <= top {
			l := &leaves[leaf]
			l[0], l[1], l[2], l[3] = p.cpuid(leaf, 0)
		}
	}
	var f Feature
	for i, b := range bits {
		if leaves[b.leaf][b.register]>>b.bit&1 != 0 {
			f |= 1 << i
		}
	}
	const osxsave = 1 << 27
	var saved uint32
	if leaves[1][2]&osxsave != 0 {
		saved = p.xcr0()
	}
	const (
		ymm = 1<<1 | 1<<2              // XMM, the upper halves of YMM
		zmm = ymm | 1<<5 | 1<<6 | 1<<7 // masks, the upper halves of ZMM, Z16 to Z31
	)
	if saved&ymm != ymm {
		f &^= saveYMM
	}
	if saved&zmm != zmm {
		f &^= saveZMM
	}
	return f
}

// slows says why 512-bit registers do not pay on this processor, or "".
func (p processor) slows() string {
	top, b, c, d := p.cpuid(0, 0)
	var vendor []byte
	for _, r := range []uint32{b, d, c} {
		vendor = append(vendor, byte(r), byte(r>>8), byte(r>>16), byte(r>>24))
	}
	if top < 1 || string(vendor) != intel {
		return ""
	}
	if family, model := p.model(); family == 6 && slow[model] {
		return fmt.Sprintf("Intel model %d lowers its clock for 512-bit registers", model)
	}
	return ""
}

// model returns family and model, extensions included.
func (p processor) model() (family, model int) {
	a, _, _, _ := p.cpuid(1, 0)
	family = int(a >> 8 & 15)
	model = int(a >> 4 & 15)
	if family == 6 || family == 15 {
		model |= int(a >> 16 & 15 << 4)
	}
	if family == 15 {
		family += int(a >> 20 & 255)
	}
	return family, model
}

// missing says why a kernel that needs f cannot run, or "".
func (p processor) missing(goos string, f Feature) string {
	if lacks := f &^ p.has(); lacks != 0 {
		return "the processor or its system lacks " + lacks.String()
	}
	if f&saveZMM == 0 {
		return ""
	}
	if goos == "darwin" {
		return "signals on darwin do not preserve the registers of AVX-512 (golang.org/issue/49233)"
	}
	return p.slows()
}
