package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

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
