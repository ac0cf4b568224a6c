package main

import (
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
