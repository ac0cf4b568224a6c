package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// segments emits what happens between two segments: the hash so far is reduced
// and carried into the next one.
func (g *zmmKernel) segments() {
	Label("long")
	VMOVDQU(X8, g.lens)
	VMOVDQA(X9, X9)
	g.fullSegment("first")
	JMP(operand.LabelRef("segmented"))

	Label("segment")
	var s seq
	s.reduce()
	s.emit()
	if g.open {
		VMOVDQA64(zHi, zCarry)
	} else {
		VPXORQ(zHi, zData[0], zData[0])
	}
	for _, z := range []VecPhysical{zLo, zHi, zMiddle} {
		VPXORQ(z, z, z)
	}
	CMPQ(rBlocks, operand.U32(zmmLast))
	JHI(operand.LabelRef("fullsegment"))
	lastSegment()
	VMOVDQU(g.lens, zState[0].AsX())
	VMOVDQU(operand.Mem{Base: rEnd, Disp: -16}, zState[1].AsX())
	var m seq
	m.multiply(zState[0], zState[1], true)
	m.emit()
	JMP(operand.LabelRef("segmentdone"))
	Label("fullsegment")
	g.fullSegment("next")
	JMP(operand.LabelRef("segmentdone"))
}

// fullSegment takes up turns of more than zmmLast blocks: as many as a segment
// has, or one less if that is all whose hash is due before the tail's, since
// sealing hashes a turn late. They end at the first power.
func (g *zmmKernel) fullSegment(label string) {
	Load(Param("tab"), rPow)
	take := func(turns int) {
		MOVL(operand.U32(uint32(turns)), rLeft.As32())
		ADDQ(operand.U32(uint32(16*(zmmPowerNum-zmmBlocks*turns))), rPow)
		SUBQ(operand.U32(uint32(zmmBlocks*turns)), rBlocks)
	}
	if !g.open {
		CMPQ(rBlocks, operand.U32((zmmSegment+1)*zmmBlocks))
		JLS(operand.LabelRef(label + "short"))
	}
	take(zmmSegment)
	if g.open {
		return
	}
	JMP(operand.LabelRef(label + "taken"))
	Label(label + "short")
	take(zmmSegment - 1)
	Label(label + "taken")
}
