package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

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
