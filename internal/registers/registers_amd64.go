//go:build !purego

package registers

// FillZMM sets all bits of the vector and mask registers of AVX-512, and of
// some stack below its caller's. What an assembly function forgets to set is
// then not zero by luck.
func FillZMM()

// FillYMM does the same for AVX2.
func FillYMM()

// LeftZMM returns a number other than 0 if Z16 to Z31, or more than the lower
// 128 bits of the other vector registers, are in use.
func LeftZMM() uint64

// LeftYMM returns a number other than 0 if more than the lower 128 bits of Y0
// to Y15 are in use.
func LeftYMM() uint64

// Stack copies what functions have left below the caller's frame.
//
//go:noescape
func Stack(dst *[2048]byte)
