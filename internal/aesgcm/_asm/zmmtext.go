package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

func (g *zmmKernel) sealText() {
	TESTQ(rTurns, rTurns)
	JZ(operand.LabelRef("short"))
	g.turn(false)
	DECQ(rTurns)
	JZ(operand.LabelRef("tail"))
	align(64)
	Label("loop")
	g.turn(true)
	DECQ(rLeft)
	JZ(operand.LabelRef("segment"))
	Label("segmentdone")
	DECQ(rTurns)
	JNZ(operand.LabelRef("loop"))

	Label("tail")
	TESTQ(rN, rN)
	JZ(operand.LabelRef("hash8"))
	g.tails("tail", func(v int) {
		var a, h seq
		g.encrypt(&a, v, true)
		h.hash(zmmTurn)
		h.do(x86.ADDQ(operand.U32(64*zmmTurn), rPow))
		interleave(a, h, hashSpan)
	})
	Label("short")
	TESTQ(rN, rN)
	JZ(operand.LabelRef("finish"))
	g.tails("short", func(v int) {
		var a seq
		g.encrypt(&a, v, true)
		a.emit()
	})

	// The hash of the last vectors, entered at their number.
	for v := zmmTurn; v > 0; v -= 2 {
		Label(fmt.Sprintf("hash%d", v))
		var s seq
		s.hashPair(v - 2)
		s.emit()
	}
	JMP(operand.LabelRef("finish"))
	for v := zmmTurn - 1; v > 0; v -= 2 {
		Label(fmt.Sprintf("hash%d", v))
		var s seq
		s.hashSingle(v - 1)
		s.emit()
		if v > 1 {
			JMP(operand.LabelRef(fmt.Sprintf("hash%d", v-1)))
		}
	}
	Label("finish")
}

func (g *zmmKernel) openText() {
	TESTQ(rTurns, rTurns)
	JZ(operand.LabelRef("tail"))
	align(64)
	Label("loop")
	g.turn(true)
	DECQ(rLeft)
	JZ(operand.LabelRef("segment"))
	Label("segmentdone")
	DECQ(rTurns)
	JNZ(operand.LabelRef("loop"))
	Label("tail")
	TESTQ(rN, rN)
	JZ(operand.LabelRef("finish"))
	g.tails("tail", func(v int) {
		var a, h seq
		g.encrypt(&a, v, true)
		g.load(&h, v, true)
		h.hash(v)
		interleave(a, h, hashSpan)
	})
	Label("finish")
}

// tails emits the code for the text behind the whole turns, by number of
// vectors. It goes on behind "hash" and that number when sealing, or at
// "finish".
func (g *zmmKernel) tails(label string, one func(v int)) {
	LEAQ(operand.Mem{Base: rN, Disp: -1}, RAX)
	ANDQ(operand.I32(-64), RAX)
	LEAQ(operand.Mem{Base: rSrc, Index: RAX, Scale: 1}, rTailSrc)
	LEAQ(operand.Mem{Base: rDst, Index: RAX, Scale: 1}, rTailDst)
	MOVQ(rN, RCX)
	SUBQ(RAX, RCX)
	MOVQ(operand.I32(-1), R10)
	BZHIQ(RCX, R10, R10)
	KMOVQ(R10, K1)
	pageEdge(rTailSrc, RCX, 64, R10, R11)
	JNE(operand.LabelRef(label + "edge"))
	pageEdge(rTailDst, RCX, 64, R10, R11)
	JNE(operand.LabelRef(label + "edge"))
	Label(label + "here")
	choose(label, 64, 1, zmmTurn)
	for v := 1; v <= zmmTurn; v++ {
		Label(fmt.Sprintf("%s%d", label, v))
		one(v)
		if g.open {
			if v < zmmTurn {
				JMP(operand.LabelRef("finish"))
			}
			continue
		}
		for i := range v {
			VPSHUFB(zSwap, zState[i], zData[i])
		}
		if label == "tail" || v < zmmTurn {
			JMP(operand.LabelRef(fmt.Sprintf("hash%d", v)))
		}
	}
}
