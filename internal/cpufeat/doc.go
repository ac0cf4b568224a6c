// Package cpufeat says whether this processor, its system and this build may
// run wide kernels, and if not, why.
//
// It asks the processor itself. That a processor has an instruction is not
// enough: the system must save the registers that it uses (OSXSAVE, XCR0), and
// the processor should not slow down by using them. Package golang.org/x/sys/cpu
// does not tell all of these, nor the model.
package cpufeat

import "strings"

// A Feature is a set of instruction set extensions.
type Feature uint32

// The extensions that kernels use. All but SSSE3, SSE41, AES, PCLMULQDQ, BMI1,
// BMI2 and ADX use registers that the system has to save.
const (
	SSSE3 Feature = 1 << iota
	SSE41
	AES
	PCLMULQDQ
	BMI1
	BMI2
	ADX
	AVX
	AVX2
	VAES
	VPCLMULQDQ
	AVX512F
	AVX512DQ
	AVX512BW
	AVX512VL
	AVX512IFMA
	AVX512VBMI
	AVX512VBMI2
	features = iota
)

// AVX512 is what no kernel for AVX-512 does without.
const AVX512 = AVX512F | AVX512DQ | AVX512BW | AVX512VL

const (
	saveYMM = AVX | AVX2 | VAES | VPCLMULQDQ
	saveZMM = AVX512 | AVX512IFMA | AVX512VBMI | AVX512VBMI2
)

var names = [features]string{
	"SSSE3", "SSE4.1", "AES", "PCLMULQDQ", "BMI1", "BMI2", "ADX", "AVX", "AVX2", "VAES", "VPCLMULQDQ",
	"AVX512F", "AVX512DQ", "AVX512BW", "AVX512VL", "AVX512IFMA", "AVX512VBMI", "AVX512VBMI2",
}

// String lists the extensions in f, such as "AVX AVX2".
func (f Feature) String() string {
	var list []string
	for i, name := range names {
		if f&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return strings.Join(list, " ")
}
