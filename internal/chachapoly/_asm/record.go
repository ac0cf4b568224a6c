package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func to(label string) operand.LabelRef { return operand.LabelRef(label) }

// arg is a field of the call whose address is in R14.
func arg(field int) operand.Mem { return mem(reg.R14, field) }

func loadArgs() { c.MOVQ(at(oArgs), reg.R14) }

// enter reserves the frame.
func enter(size int) {
	local := c.AllocLocal(size + 64)
	c.LEAQ(local.Offset(63), rB)
	c.ANDQ(i32(-64), rB)
}

// record is the function for records of any length.
func record() {
	c.Function("record")
	c.Doc("record seals or opens one record.")
	c.Pragma("noescape")
	c.SignatureExpr("func(a *byte)")
	enter(frame)
	c.Load(c.Param("a"), reg.R14)
	c.MOVQ(reg.R14, at(oArgs))
	c.MOVQ(i32(0), at(oStop))
	prepare()
	for _, f := range []struct {
		name string
		p    shape
	}{{"small", small}, {"medium", medium}, {"large", large}} {
		c.Label(f.name)
		f.p.first(f.name)
	}
	passes()
	c.Label("end")
	loadArgs()
	c.MOVQ(at(oPasses), reg.RAX)
	c.MOVQ(at(oTotal), rG)
	c.TESTQ(i32(modeOpen), arg(argMode))
	c.JNZ(to("hashed"))
	c.SUBQ(imm8(1), reg.RAX) // no pass: as many groups as there are
	c.JB(to("rest"))
	c.LEAQ(operand.Mem{Base: reg.RAX, Index: reg.RAX, Scale: 2}, reg.RAX)
	c.SHLQ(imm8(2), reg.RAX)
	c.SUBQ(reg.RAX, rG)
	c.Label("rest")
	call("hash")
	c.Label("hashed")
	c.Load(c.Param("a"), reg.R14)
	c.TESTQ(i32(modeMore), arg(argMode))
	c.JNZ(to("more"))
	final()
	finish(at(oKeyS), at(oKeyS+8))
	c.MOVQ(h[1], reg.R8) // loadArgs takes it
	c.Load(c.Param("a"), reg.R14)
	handOver(h[0], reg.R8, "record")
	wipe(oKeyS, oKeyS+16)
	c.Label("done")
	clearVectors()
	c.RET()

	c.Label("more")
	c.MOVQ(arg(argState), reg.RAX)
	for i := range 3 {
		c.VMOVDQA64(at(oAcc+64*i), z[i])
		c.VMOVDQU64(z[i], mem(reg.RAX, 64*i))
	}
	c.Label("abandon")
	wipe(0, frame)
	c.JMP(to("done"))
}

// handOver stores the tag, or how it differs from the one that came.
func handOver(low, high reg.GPPhysical, label string) {
	c.MOVQ(arg(argTag), reg.RCX)
	c.TESTQ(i32(modeOpen), arg(argMode))
	c.JNZ(to(label + "_compare"))
	c.MOVQ(low, mem(reg.RCX, 0))
	c.MOVQ(high, mem(reg.RCX, 8))
	c.JMP(to(label + "_clear"))
	c.Label(label + "_compare")
	c.XORQ(mem(reg.RCX, 0), low)
	c.XORQ(mem(reg.RCX, 8), high)
	c.ORQ(high, low)
	c.MOVQ(low, arg(argDiff))
	c.Label(label + "_clear")
}

// prepare fills the frame and jumps to the first pass of the right size: the
// one after which only full passes are left.
func prepare() {
	zero, mask1, mask2 := reg.R13, reg.K1, reg.K2
	c.MOVQ(arg(argKey), reg.RAX)
	c.MOVQ(arg(argNonces), reg.RCX)
	c.MOVQ(arg(argN), rN)
	c.MOVQ(arg(argMode), reg.R8)
	c.VBROADCASTI32X4(kSigma, z[4])
	c.VBROADCASTI32X4(mem(reg.RAX, 0), z[5])
	c.VBROADCASTI32X4(mem(reg.RAX, 16), z[6])
	c.ANDQ(imm8(modeChunk), reg.R8) // 2 or 0
	c.LEAQ(operand.Mem{Base: reg.R8, Index: reg.R8, Scale: 2}, reg.RAX)
	c.LEAQ(operand.Mem{Base: reg.RCX, Index: reg.RAX, Scale: 2}, reg.RSI) // 12 bytes on, for a chunk
	nonceRow(reg.RCX, z[1])
	nonceRow(reg.RSI, z[0])
	for i := range 3 {
		c.VMOVDQA64(z[4+i], at(oSigma+64*i))
		c.VMOVDQA(z[4+i].AsX(), at(oWords+16*i))
	}
	c.VMOVDQA(z[0].AsX(), at(oWords+48))

	// Groups: all, those of the first pass, passes after it.
	c.MOVQ(rN, reg.R9)
	c.SHRQ(imm8(7), reg.R9)
	c.MOVQ(reg.R9, at(oTotal))
	c.MOVQ(rN, reg.RSI) // MULX takes RDX
	c.MOVQ(operand.U64(0xaaaaaaaaaaaaaaab), reg.RDX)
	c.MULXQ(reg.R9, reg.RAX, reg.RAX)
	c.SHRQ(imm8(3), reg.RAX) // a twelfth
	c.MOVQ(reg.RAX, at(oPasses))
	c.LEAQ(operand.Mem{Base: reg.RAX, Index: reg.RAX, Scale: 2}, reg.RAX)
	c.SHLQ(imm8(2), reg.RAX)
	c.MOVQ(reg.R9, reg.R11)
	c.SUBQ(reg.RAX, reg.R11)
	c.MOVQ(reg.R11, at(oGroups))

	// The first row group: the last two blocks, which may be in part or not
	// at all, and before them two of text, or two under a chunk's first nonce.
	c.MOVL(operand.U32(0x0011), reg.EAX)
	c.KMOVD(reg.EAX, mask1)
	c.MOVL(operand.U32(0x1111), reg.EAX)
	c.KMOVD(reg.EAX, mask2)
	c.XORL(zero.As32(), zero.As32())
	c.MOVQ(arg(argSkip), reg.R15)
	c.LEAQ(operand.Mem{Base: reg.R15, Index: reg.R9, Scale: 2, Disp: 1}, reg.RAX)
	c.VPBROADCASTD_Z(reg.EAX, mask1, z[2])
	c.KSHIFTLW(imm8(8), mask1, mask1)
	c.VPBROADCASTD(reg.R15L, mask1, z[2])
	c.VSHUFI32X4(imm8(0x44), z[1], z[0], z[1])
	c.VPADDD(z[2], z[1], z[1])
	c.MOVL(operand.U32(3), reg.ECX)
	c.SUBL(reg.R8L, reg.ECX) // the count of the first block of text beyond: 3 or 1
	c.ADDL(reg.R15L, reg.ECX)
	c.LEAQ(kText, reg.RDI)
	c.LEAQ(kChunk, reg.RAX)
	c.TESTL(reg.R8L, reg.R8L)
	c.CMOVQNE(reg.RAX, reg.RDI)
	c.VPADDD(mem(reg.RDI, 0), z[1], z[1])
	c.VMOVDQA64(z[1], at(oRow3a))
	c.VPADDD(kLane, z[0], z[0])

	c.MOVL(reg.ECX, at(oWords+48))
	c.VPXORD(z[3], z[3], z[3])
	for i := range 5 {
		c.VMOVDQU64(z[3], at(oWin+winRow*i+8*maxPower))
	}
	c.SHRQ(imm8(1), reg.R8)
	c.ADDQ(reg.R8, reg.R11) // a chunk has room for one group less
	c.LEAQ(operand.Mem{Base: reg.RCX, Disp: 16}, reg.RAX)
	c.CMPQ(reg.R11, imm8(3))
	c.CMOVQLS(reg.RCX, reg.RAX) // no lanes
	c.VPBROADCASTD_Z(reg.EAX, mask2, z[2])
	c.VPADDD(z[2], z[0], z[0])
	c.VMOVDQA64(z[0], at(oRow3b))
	c.CMPQ(reg.R11, imm8(3))
	c.JBE(to("small"))
	c.CMPQ(reg.R11, imm8(9))
	c.JBE(to("medium"))
	c.JMP(to("large"))
}

// first is the first pass: beside its first five double rounds the scalar
// block, beside the others the powers of r. Then comes the text, up to the
// groups that there are.
func (p shape) first(name string) {
	p.load()
	start, rounds, rest := scalarBlock()
	start.emit()
	c.MOVL(operand.U32(5), at(oTurns))
	align()
	c.Label(name + "_rounds")
	merge(p.double(1), rounds)
	c.DECL(at(oTurns))
	c.JNZ(to(name + "_rounds"))
	most := p.most
	c.MOVQ(i32(most), at(oMost))
	merge(p.double(5), append(rest, powers(most)...))
	call("middle")
	c.CMPQ(at(oStop), imm8(0))
	c.JNE(to("abandon"))

	c.TESTQ(i32(modeChunk), arg(argMode))
	c.JNZ(to(name + "_beyond"))
	c.SUBQ(imm8(1), rG)
	c.JB(to("full"))
	for i := range 2 {
		c.VMOVDQA64(at(oHead+64*i), z[26+i])
		crypt(i, z[26+i])
	}
	advance(2)
	c.Label(name + "_beyond")
	out := func(first int) func(int, vec) {
		return func(b int, v vec) {
			if b%2 == 0 {
				c.SUBQ(imm8(1), rG)
				c.JB(to("full"))
			}
			crypt(first+b, v)
		}
	}
	from := 0
	if p.lanes {
		p.finishLanes(out(0))
		from = 16
	}
	if len(p.groups) == 2 {
		p.finishGroup(1, out(from))
	}
	c.JMP(to("full"))
}

// passes is the full passes: 24 blocks each, beside hashing as many.
func passes() {
	c.Label("full")
	c.MOVQ(at(oPasses), rK)
	c.TESTQ(rK, rK)
	c.MOVQ(at(oHash), rP)
	c.JZ(to("end"))
	c.CMPQ(at(oMost), i32(passMul))
	c.JAE(to("multipliers"))
	emit(func(s *stream) { s.multipliers(8*(smallMul+1), 8*passMul) })
	c.MOVQ(i32(passMul), at(oMost))
	c.MOVQ(at(oPasses), rK)
	c.MOVQ(at(oHash), rP)
	c.Label("multipliers")
	c.MOVQ(i32(0), at(oNew))
	loadArgs()
	c.MOVQ(at(oGroups), reg.RAX)
	c.MOVQ(arg(argSkip), reg.RCX)
	c.LEAQ(operand.Mem{Base: reg.RCX, Index: reg.RAX, Scale: 2, Disp: 1}, reg.RCX)
	c.SHLQ(imm8(7), reg.RAX)
	c.MOVQ(arg(argSrc), rSrc)
	c.MOVQ(arg(argDst), rDst)
	c.ADDQ(reg.RAX, rSrc)
	c.ADDQ(reg.RAX, rDst)
	c.MOVL(operand.U32(0xeeee), reg.EAX)
	c.KMOVD(reg.EAX, reg.K1)
	c.MOVL(operand.U32(0x1111), reg.EAX)
	c.KMOVD(reg.EAX, reg.K2)
	c.VBROADCASTI32X4_Z(at(oWords+48), reg.K1, z[0])
	c.MOVL(reg.ECX, at(oWords+48))
	c.ADDL(imm8(16), reg.ECX)
	c.VPBROADCASTD_Z(reg.ECX, reg.K2, z[1])
	c.VPADDD(kLane, z[0], z[0])
	c.VPADDD(z[1], z[0], z[0])
	c.VMOVDQA64(z[0], at(oRow3a))
	c.VPADDD(kFour, z[0], z[0])
	c.VMOVDQA64(z[0], at(oRow3b))
	c.TESTQ(i32(modeOpen), arg(argMode))
	c.JNZ(to("pass"))

	// Sealing, there may be too little to hash as yet.
	large.load()
	c.MOVL(operand.U32(10), rT.As32())
	align()
	c.Label("plain")
	large.double(1).emit()
	c.DECL(rT.As32())
	c.JNZ(to("plain"))
	c.JMP(to("out"))

	c.Label("pass")
	large.load()
	c.MOVL(operand.U32(2), rT.As32())
	align()
	c.Label("half")
	merge(large.double(5), step())
	c.ADDQ(i32(128*passMul), rP)
	c.DECL(rT.As32())
	c.JNZ(to("half"))

	c.Label("out")
	large.finishLanes(crypt)
	large.finishGroup(0, func(b int, v vec) { crypt(16+b, v) })
	large.finishGroup(1, func(b int, v vec) { crypt(20+b, v) })
	advance(passSize)
	c.ADDL(imm8(passSize), at(oWords+48))
	for i := range 2 {
		c.VMOVDQU64(kPass, z[24+i])
		c.VPADDD(at(oRow3a+64*i), z[24+i], z[24+i])
		c.VMOVDQA64(z[24+i], at(oRow3a+64*i))
	}
	c.DECQ(rK)
	c.JNZ(to("pass"))
}

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

// short is the function for records of at most 192 bytes: one row group has
// the key and the text, and Poly1305 is done block by block.
func short() {
	const oText, size = 0, 192
	c.Function("short")
	c.Doc("short seals or opens one record of at most 192 bytes.")
	c.Pragma("noescape")
	c.SignatureExpr("func(a *byte)")
	enter(size)
	c.Load(c.Param("a"), reg.R14)
	c.MOVQ(arg(argKey), reg.RAX)
	c.MOVQ(arg(argNonces), reg.RCX)
	one := shape{groups: [][4]vec{{z[0], z[1], z[2], z[3]}}}
	c.VBROADCASTI32X4(kSigma, z[0])
	c.VBROADCASTI32X4(mem(reg.RAX, 0), z[1])
	c.VBROADCASTI32X4(mem(reg.RAX, 16), z[2])
	nonceRow(reg.RCX, z[3])
	c.VPADDD(kLane, z[3], z[3])
	for i := range 4 {
		c.VMOVDQA64(z[i], z[4+i])
	}
	c.MOVL(operand.U32(10), reg.EAX)
	align()
	c.Label("rounds")
	one.double(1).emit()
	c.DECL(reg.EAX)
	c.JNZ(to("rounds"))
	for i := range 4 {
		c.VPADDD(z[4+i], z[i], z[i])
	}
	block := [4]vec{}
	quarter(one.groups[0], func(b int, v vec) { block[b] = v })
	key := block[0]

	sealing(arg(argMode))
	pieceReady()
	c.MOVQ(arg(argSrc), rSrc)
	c.MOVQ(arg(argDst), rDst)
	c.MOVQ(arg(argN), rN)
	for i := range 3 {
		if i == 0 {
			c.TESTQ(rN, rN)
			c.JZ(to("texted"))
		} else {
			c.ADDQ(imm8(64), rSrc)
			c.ADDQ(imm8(64), rDst)
			c.SUBQ(imm8(64), rN)
			c.JBE(to("texted"))
		}
		c.MOVL(operand.U32(64), rT.As32())
		c.CMPQ(rN, rT)
		c.CMOVQLT(rN, rT)
		piece(block[i+1], z[26])
		c.VMOVDQA64(z[26], at(oText+64*i))
	}
	c.Label("texted")
	c.VMOVQ(key.AsX(), r0)
	c.VPEXTRQ(imm8(1), key.AsX(), r1)
	c.MOVQ(operand.U64(clampLow), reg.RAX)
	c.ANDQ(reg.RAX, r0)
	c.MOVQ(operand.U64(clampHigh), reg.RAX)
	c.ANDQ(reg.RAX, r1)
	quartered()
	c.MOVQ(arg(argAad), reg.RSI)
	c.MOVQ(arg(argAadN), reg.RDI)
	c.Load(c.Param("a"), reg.RBP)
	additional("data")
	c.MOVQ(mem(reg.RBP, argN), reg.RDI)
	c.CMPQ(mem(reg.RBP, argAadN), imm8(0))
	c.JE(to("blocks"))
	times()
	c.Label("blocks")
	c.MOVQ(rB, reg.RSI)
	c.ADDQ(imm8(15), reg.RDI)
	c.SHRQ(imm8(4), reg.RDI)
	c.JZ(to("lengths"))
	c.Label("block")
	addBlock(mem(reg.RSI, 0), mem(reg.RSI, 8))
	times()
	c.ADDQ(imm8(16), reg.RSI)
	c.DECQ(reg.RDI)
	c.JNZ(to("block"))
	c.Label("lengths")
	addBlock(mem(reg.RBP, argAadN), mem(reg.RBP, argN))
	times()
	c.VEXTRACTI128(imm8(1), key.AsY(), reg.X0)
	c.VMOVQ(reg.X0, reg.RSI)
	c.VPEXTRQ(imm8(1), reg.X0, reg.RDI)
	finish(reg.RSI, reg.RDI)
	c.MOVQ(h[1], reg.R8)
	c.MOVQ(reg.RBP, reg.R14)
	handOver(h[0], reg.R8, "short")
	clearVectors()
	c.RET()
}

// poly is a function for tests: Poly1305 alone, as record does it, of groups of
// 128 bytes after any accumulator, under any key.
func poly() {
	c.Function("poly")
	c.Doc("poly hashes src after state under the 32 bytes of key, for tests.")
	c.Pragma("noescape")
	c.SignatureExpr("func(a *byte)")
	enter(frame)
	c.Load(c.Param("a"), reg.R14)
	c.MOVQ(arg(argKey), reg.R15)
	c.VMOVDQU(mem(reg.R15, 16), reg.X0)
	c.VMOVDQU(reg.X0, at(oKeyS))
	c.VPXORD(z[0], z[0], z[0])
	for i := range 5 {
		c.VMOVDQU64(z[0], at(oWin+winRow*i+8*maxPower))
	}
	for i := range 3 {
		c.VMOVDQA64(z[0], at(oTail+64*i))
	}
	c.MOVQ(i32(0), at(oLast))
	c.MOVQ(mem(reg.R15, 0), reg.RAX)
	c.MOVQ(mem(reg.R15, 8), reg.RDX)
	append(keyLimbs(), powers(maxMul)...).emit()
	c.MOVQ(i32(maxMul), at(oMost))
	c.MOVQ(i32(0), at(oNew))
	c.Load(c.Param("a"), reg.R14)
	lengths()
	c.Load(c.Param("a"), reg.R14)
	c.MOVQ(arg(argState), reg.RAX)
	for i := range 3 {
		c.VMOVDQU64(mem(reg.RAX, 64*i), z[i])
		c.VMOVDQA64(z[i], at(oAcc+64*i))
	}
	c.MOVQ(arg(argSrc), rP)
	c.MOVQ(arg(argN), rG)
	c.SHRQ(imm8(7), rG)
	call("hash")
	final()
	finish(at(oKeyS), at(oKeyS+8))
	c.MOVQ(h[1], reg.R8)
	c.Load(c.Param("a"), reg.R14)
	handOver(h[0], reg.R8, "poly")
	clearVectors()
	c.RET()
}
