package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// expandKey generates the key schedule, and beside it the hash key. Words are
// substituted by VAESENCLAST with all four columns equal, so that its row shift
// does nothing; there is no table, and no AESKEYGENASSIST, which is microcode
// on some processors.
func expandKey(bits int) {
	TEXT(fmt.Sprintf("expandKey%d", bits), NOSPLIT, "func(sched *byte, key *byte)")
	Doc(fmt.Sprintf("expandKey%d writes the schedule of an AES-%[1]d key, and the hash key.", bits))
	Pragma("noescape")
	Load(Param("sched"), RDI)
	Load(Param("key"), RAX)
	var (
		rotateLast = data(fmt.Sprintf("rotlast%d", bits), 0x0c0f0e0d0c0f0e0d, 0x0c0f0e0d0c0f0e0d)
		last       = data(fmt.Sprintf("last%d", bits), 0x0f0e0d0c0f0e0d0c, 0x0f0e0d0c0f0e0d0c)
		one        = data(fmt.Sprintf("rcon%d", bits), 0x0000000100000001, 0x0000000100000001)
		late       = data(fmt.Sprintf("ratecon%d", bits), 0x0000001b0000001b, 0x0000001b0000001b)
		polyOne    = data(fmt.Sprintf("polyone%d", bits), 1, 0xc200000000000000)
	)
	h, a, b, t, w, rcon, rot, zero, bcast := X0, X1, X2, X3, X4, X5, X6, X7, X8
	VMOVDQU(rotateLast, rot)
	VMOVDQU(one, rcon)
	VPXOR(zero, zero, zero)
	VMOVDQU(Mem{Base: RAX}, a)
	VMOVDQU(a, Mem{Base: RDI})
	VMOVDQA(a, h)
	chain := func(k VecPhysical) { // prefix xor of the four words, and t
		VPSLLDQ(imm(4), k, w)
		VPXOR(w, k, k)
		VPSLLDQ(imm(8), k, w)
		VPXOR(w, k, k)
		VPXOR(t, k, k)
	}
	rounds := 10
	if bits == 256 {
		rounds = 14
		VMOVDQU(last, bcast)
		VMOVDQU(Mem{Base: RAX, Disp: 16}, b)
		VMOVDQU(b, Mem{Base: RDI, Disp: 16})
		VAESENC(b, h, h)
	}
	for r := bits / 128; r <= rounds; r++ {
		k := a
		switch {
		case bits == 128:
			if r == 9 {
				VMOVDQU(late, rcon)
			}
			VPSHUFB(rot, a, t)
			VAESENCLAST(rcon, t, t)
			VPADDD(rcon, rcon, rcon)
		case r%2 == 0:
			VPSHUFB(rot, b, t)
			VAESENCLAST(rcon, t, t)
			VPADDD(rcon, rcon, rcon)
		default:
			k = b
			VPSHUFB(bcast, a, t)
			VAESENCLAST(zero, t, t)
		}
		chain(k)
		VMOVDQU(k, Mem{Base: RDI, Disp: 16 * r})
		if r < rounds {
			VAESENC(k, h, h)
		} else {
			VAESENCLAST(k, h, h)
		}
	}
	// H times x modulo the polynomial, byte swapped, turns GHASH into POLYVAL.
	VPSHUFB(cSwap, h, h)
	VPSHUFD(imm(0xff), h, t)
	VPSRAD(imm(31), t, t)
	VPAND(polyOne, t, t)
	VPSRLQ(imm(63), h, w)
	VPSLLDQ(imm(8), w, w)
	VPSLLQ(imm(1), h, h)
	VPXOR(w, h, h)
	VPXOR(t, h, h)
	VMOVDQU(h, Mem{Base: RDI, Disp: keyHash})
	for _, r := range []VecPhysical{h, a, b, t, w} {
		VPXOR(r, r, r)
	}
	VZEROUPPER()
	RET()
}
