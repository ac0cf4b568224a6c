package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// middle is a function for what follows the rounds of a first pass, whatever
// its size: the tail, the additional data, a chunk's length, and, opening, the
// hash of the pass's text, which may be overwritten next.
func middle() {
	c.Function("middle")
	c.Doc("middle is called from assembly only, after the rounds of a first pass.")
	c.Attributes(attr.NOSPLIT | attr.NOFRAME)
	c.SignatureExpr("func()")
	block := [4]vec{}
	small.finishGroup(0, func(b int, v vec) { block[b] = v })
	c.VMOVDQA64(block[2], at(oHead))
	c.VMOVDQA64(block[3], at(oHead+64))

	// A chunk's length, two bytes under the nonce before. Opening, all depends
	// on it: that it is authentic, and the one that the caller expects.
	loadArgs()
	c.TESTQ(i32(modeChunk), arg(argMode))
	c.JZ(to("whole"))
	clamp(at(oHead), at(oHead+8))
	c.TESTQ(i32(modeOpen), arg(argMode))
	c.JNZ(to("expected"))
	c.MOVQ(arg(argDst), reg.RSI)
	c.MOVQ(arg(argN), reg.RAX)
	c.ROLW(imm8(8), reg.AX)
	c.XORW(at(oHead+64), reg.AX)
	c.MOVW(reg.AX, mem(reg.RSI, -18))
	lengthTag()
	c.MOVQ(h[0], mem(reg.RSI, -16))
	c.MOVQ(h[1], mem(reg.RSI, -8))
	c.JMP(to("authentic"))
	c.Label("expected")
	c.MOVQ(arg(argSrc), reg.RSI)
	c.MOVWLZX(mem(reg.RSI, -18), reg.EAX)
	c.MOVWLZX(at(oHead+64), reg.ECX)
	c.XORL(reg.EAX, reg.ECX)
	c.ROLW(imm8(8), reg.CX)
	c.MOVQ(reg.RCX, arg(argLength))
	lengthTag()
	c.XORQ(mem(reg.RSI, -16), h[0])
	c.XORQ(mem(reg.RSI, -8), h[1])
	c.ORQ(h[1], h[0])
	loadArgs()
	c.MOVQ(h[0], arg(argDiff))
	c.MOVQ(arg(argLength), reg.RAX)
	c.XORQ(arg(argN), reg.RAX)
	c.ORQ(h[0], reg.RAX)
	c.MOVQ(reg.RAX, at(oStop))
	c.JZ(to("authentic"))
	c.TESTQ(h[0], h[0])
	c.JZ(to("another"))
	c.MOVQ(i32(-1), arg(argLength))
	c.Label("another")
	c.RET()
	c.Label("authentic")
	loadArgs()

	// The tail.
	c.Label("whole")
	sealing(arg(argMode))
	hashed := [2]vec{z[26], z[27]}
	c.VPXORD(z[26], z[26], z[26])
	c.VPXORD(z[27], z[27], z[27])
	c.MOVQ(arg(argN), rN)
	c.MOVQ(rN, reg.RAX)
	c.ANDQ(i32(-128), reg.RAX)
	c.MOVQ(arg(argSrc), rSrc)
	c.ADDQ(reg.RAX, rSrc)
	c.MOVQ(arg(argDst), rDst)
	c.ADDQ(reg.RAX, rDst)
	c.SUBQ(reg.RAX, rN)
	c.LEAQ(mem(rN, 15), reg.R15)
	c.SHRQ(imm8(4), reg.R15)
	c.MOVQ(reg.R15, at(oLast))
	pieceReady()
	for i := range 2 {
		if i == 0 {
			c.TESTQ(rN, rN)
			c.JZ(to("tail"))
			c.MOVL(operand.U32(64), rT.As32())
			c.CMPQ(rN, rT)
			c.CMOVQLT(rN, rT)
		} else {
			c.SUBQ(imm8(64), rN)
			c.JBE(to("tail"))
			c.ADDQ(imm8(64), rSrc)
			c.ADDQ(imm8(64), rDst)
			c.MOVQ(rN, rT)
		}
		piece(block[i], hashed[i])
	}
	c.Label("tail")
	low, high, limb := z[28], z[29], z[30]
	c.MOVL(i32(-1), reg.EAX)
	c.BZHIL(reg.R15L, reg.EAX, reg.EAX)
	c.KMOVD(reg.EAX, reg.K1)
	c.VMOVDQU64(kLow, low)
	c.VPERMI2Q(hashed[1], hashed[0], low)
	c.VMOVDQU64(kHigh, high)
	c.VPERMI2Q(hashed[1], hashed[0], high)
	c.VPSHRDQ(imm8(44), high, low, limb)
	c.VPANDQ_BCST(kMask44, limb, limb)
	c.VPANDQ_BCST(kMask44, low, low)
	c.VPSRLQ(imm8(24), high, high)
	c.VPORQ_BCST(kBit, high, reg.K1, high)
	c.VMOVDQA64(low, at(oTail))
	c.VMOVDQA64(limb, at(oTail+64))
	c.VMOVDQA64(high, at(oTail+128))

	lengths()

	// What precedes: the accumulator of another part, or the additional data,
	// in lane 7 as the block before the first.
	loadArgs()
	c.TESTQ(i32(modeResume), arg(argMode))
	c.JZ(to("begin"))
	c.MOVQ(arg(argState), reg.RAX)
	for i := range 3 {
		c.VMOVDQU64(mem(reg.RAX, 64*i), z[28+i])
	}
	c.MOVQ(i32(0), at(oNew))
	c.JMP(to("none"))
	c.Label("begin")
	c.MOVQ(arg(argAad), reg.RSI)
	c.MOVQ(arg(argAadN), reg.RDI)
	for i := range 3 {
		c.VPXORD(z[28+i], z[28+i], z[28+i])
	}
	c.MOVQ(i32(1), at(oNew))
	c.TESTQ(reg.RDI, reg.RDI)
	c.JZ(to("none"))
	c.MOVQ(i32(0), at(oNew))
	additional("additional")
	limbs(reg.RAX, reg.RCX, reg.RDX)
	c.MOVL(operand.U32(0x80), reg.R11L)
	c.KMOVD(reg.R11L, reg.K1)
	for i, r := range []reg.Register{reg.RAX, reg.RCX, reg.RDX} {
		c.VPBROADCASTQ_Z(r, reg.K1, z[28+i])
	}
	c.Label("none")
	for i := range 3 {
		c.VMOVDQA64(z[28+i], at(oAcc+64*i))
	}

	loadArgs()
	c.Label("text")
	c.MOVQ(arg(argDst), rP)
	c.TESTQ(i32(modeOpen), arg(argMode))
	c.JZ(to("later"))
	c.MOVQ(arg(argSrc), rP)
	c.MOVQ(at(oGroups), rG)
	call("hash")
	c.Label("later")
	c.MOVQ(rP, at(oHash))
	c.MOVQ(arg(argSrc), rSrc)
	c.MOVQ(arg(argDst), rDst)
	c.MOVQ(at(oGroups), rG)
	c.RET()
}

// lengthTag makes the tag of two bytes, in AX, under the key in r0, r1, s1.
func lengthTag() {
	c.MOVWLZX(reg.AX, h[0].As32())
	c.XORL(h[1].As32(), h[1].As32())
	c.MOVL(operand.U32(1), h[2].As32())
	times()
	c.ADDQ(imm8(0), h[0])
	c.ADCQ(imm8(2), h[1])
	c.ADCQ(imm8(1), h[2])
	times()
	finish(at(oHead+16), at(oHead+24))
}

// lengths multiplies the block of lengths, which comes last.
func lengths() {
	c.MOVQ(at(oKeyR), r0)
	c.MOVQ(at(oKeyR+8), r1)
	quartered()
	c.MOVQ(arg(argAadN), h[0])
	c.MOVQ(arg(argTotal), h[1]) // which is R14: the call's address is gone
	c.MOVL(operand.U32(1), h[2].As32())
	times()
	limbs(reg.RAX, reg.RCX, reg.RDX)
	for i, r := range []reg.Register{reg.RAX, reg.RCX, reg.RDX} {
		c.MOVQ(r, at(oLength+8*i))
	}
}

// limbs makes limbs of 44 bits of h. It uses R11.
func limbs(a, b, d reg.GPPhysical) {
	mask := reg.R11
	c.MOVQ(operand.U64(1<<44-1), mask)
	c.MOVQ(h[0], a)
	c.ANDQ(mask, a)
	c.MOVQ(h[0], b)
	c.SHRQ(imm8(44), h[1], b)
	c.ANDQ(mask, b)
	c.MOVQ(h[1], d)
	c.SHRQ(imm8(24), h[2], d)
}
