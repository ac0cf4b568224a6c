package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// kSealing has all bits set if the text is sealed.
var kSealing = reg.K5

func sealing(mode operand.Op) {
	c.MOVQ(mode, reg.RAX)
	c.ANDQ(imm8(modeOpen), reg.RAX)
	c.DECQ(reg.RAX)
	c.KMOVQ(reg.RAX, kSealing)
}

// windowed sets RAX to how far before p a window of size bytes has to begin
// so that none of it is on a page that the n bytes at p are not on: 0, or as
// much as makes it end with them. Masked accesses spare such a page, but with
// a fault that the processor takes some 200 ns to suppress. It uses RCX, R8.
func windowed(p, n reg.GPPhysical, size int) {
	const page = 4096
	c.XORL(reg.R8L, reg.R8L)
	c.MOVL(operand.U32(uint32(size)), reg.EAX)
	c.SUBQ(n, reg.RAX)
	c.MOVQ(p, reg.RCX)
	c.ANDQ(i32(page-1), reg.RCX)
	c.CMPQ(reg.RCX, i32(page-size))
	c.CMOVQLS(reg.R8, reg.RAX)
	c.ADDQ(n, reg.RCX)
	c.CMPQ(reg.RCX, i32(page))
	c.CMOVQHI(reg.R8, reg.RAX)
}

// piece seals or opens rT bytes, 1 to 64, and leaves their ciphertext, then
// zeros, in hashed. It uses Z30, Z31, K1 to K3, RAX, RCX, R8, R9.
func piece(keystream, hashed vec) {
	index, text := z[30], z[31]
	windowed(rSrc, rT, 64)
	c.MOVQ(i32(-1), reg.R8)
	c.BZHIQ(rT, reg.R8, reg.R8)
	c.KMOVQ(reg.R8, reg.K1)
	c.SHLXQ(reg.RAX, reg.R8, reg.R9)
	c.KMOVQ(reg.R9, reg.K2)
	c.MOVQ(rSrc, reg.RCX)
	c.SUBQ(reg.RAX, reg.RCX)
	c.VMOVDQU8_Z(mem(reg.RCX, 0), reg.K2, hashed)
	c.VPBROADCASTB(reg.EAX, index)
	c.VPADDB(kBytes, index, index)
	c.VPERMB_Z(hashed, index, reg.K1, hashed)
	c.VPXORQ(hashed, keystream, text)
	c.KANDQ(kSealing, reg.K1, reg.K3)
	c.VMOVDQU8(text, reg.K3, hashed)
	windowed(rDst, rT, 64)
	c.KMOVQ(reg.K1, reg.R9)
	c.SHLXQ(reg.RAX, reg.R9, reg.R9)
	c.KMOVQ(reg.R9, reg.K2)
	c.MOVQ(rDst, reg.RCX)
	c.SUBQ(reg.RAX, reg.RCX)
	c.VPBROADCASTB(reg.EAX, index)
	c.VPSUBB(index, z[29], index)
	c.VPERMB(text, index, text)
	c.VMOVDQU8(text, reg.K2, mem(reg.RCX, 0))
}

// pieceReady loads what piece expects in Z29.
func pieceReady() { c.VMOVDQU64(kBytes, z[29]) }

// additional hashes RDI bytes at RSI into h, all but the last product. It
// uses what times does, and X30, X31.
func additional(label string) {
	loop, part, end := label+"_loop", label+"_part", label+"_end"
	for _, x := range h {
		c.XORL(x.As32(), x.As32())
	}
	c.TESTQ(reg.RDI, reg.RDI)
	c.JZ(operand.LabelRef(end))
	c.Label(loop)
	c.CMPQ(reg.RDI, imm8(16))
	c.JB(operand.LabelRef(part))
	addBlock(mem(reg.RSI, 0), mem(reg.RSI, 8))
	c.ADDQ(imm8(16), reg.RSI)
	c.SUBQ(imm8(16), reg.RDI)
	c.JZ(operand.LabelRef(end))
	times()
	c.JMP(operand.LabelRef(loop))
	c.Label(part)
	c.MOVQ(r0, reg.R12) // windowed uses R8
	windowed(reg.RSI, reg.RDI, 16)
	c.MOVQ(reg.R12, r0)
	c.MOVL(operand.U32(0xffff), reg.ECX)
	c.BZHIL(reg.EDI, reg.ECX, reg.ECX)
	c.KMOVD(reg.ECX, reg.K1)
	c.SHLXL(reg.EAX, reg.ECX, reg.ECX)
	c.KMOVD(reg.ECX, reg.K2)
	c.SUBQ(reg.RAX, reg.RSI)
	c.VMOVDQU8_Z(mem(reg.RSI, 0), reg.K2, reg.X31)
	c.VPBROADCASTB(reg.EAX, reg.X30)
	c.VPADDB(kBytes, reg.X30, reg.X30)
	c.VPERMB_Z(reg.X31, reg.X30, reg.K1, reg.X31)
	c.VMOVQ(reg.X31, reg.RAX)
	c.VPEXTRQ(imm8(1), reg.X31, reg.RCX)
	addBlock(reg.RAX, reg.RCX)
	c.Label(end)
}

// nonceRow broadcasts a nonce as row 3 with count 0. It uses X30.
func nonceRow(p reg.Register, to vec) {
	x := to.AsX()
	c.VMOVQ(mem(p, 0), x)
	c.VPINSRD(imm8(2), mem(p, 8), x, x)
	c.VPSLLDQ(imm8(4), x, x)
	c.VSHUFI32X4(imm8(0), to, to, to)
}

func clearVectors() {
	for _, v := range z {
		c.VPXORD(v, v, v)
	}
	c.VZEROUPPER()
}
