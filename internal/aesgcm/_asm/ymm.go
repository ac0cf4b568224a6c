package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

// The kernels for AVX2 have the structure of those for AVX-512, with half the
// registers: the data of the hash is loaded again from memory, what is needed
// once a record is on the stack, and there are no masks.
var (
	yState = [ymmTurn]VecPhysical{Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7}
	yBase  = Y14 // counter block, counter a multiple of 16, after the first round key, in each lane
	yTemp  = Y15 // round keys, text
)

type ymmKernel struct {
	rounds  int
	open    bool
	counter operand.Mem // on the stack: byte-swapped counter block, in each lane
	mask    operand.Mem // on the stack: encrypted first counter block
	lens    operand.Mem // on the stack: the length block
	scratch operand.Mem // on the stack: the last vector of text out, and one in at the edge of a page
}

const ymmScratchIn = 32

func (g *ymmKernel) keyMem(r int) operand.Mem {
	return operand.Mem{Base: rKeys, Disp: keyRounds + 16*r}
}

// encrypt encrypts (or decrypts) n vectors of text; with tail, the last of
// them comes from rTailSrc, and is left in its register.
func (g *ymmKernel) encrypt(s *seq, n int, tail bool) {
	const last = ymmTurn - 1
	st := yState
	for i := 0; i < n && i < last; i++ {
		s.do(x86.VPXOR(cCounters[i], yBase, st[i]))
	}
	if n > last {
		// The last two counters of a turn belong to the next base.
		s.do(x86.VMOVDQU(g.counter, yTemp))
		s.do(x86.VPADDD(cTurn, yTemp, yTemp))
		s.do(x86.VMOVDQU(yTemp, g.counter))
		s.do(x86.VPSHUFB(cSwap, yTemp, yTemp))
		s.do(x86.VBROADCASTI128(g.keyMem(0), st[last]))
		s.do(x86.VPXOR(st[last], yTemp, yBase))
		s.do(x86.VPXOR(cCounters[last], yBase, st[last]))
	}
	for r := 1; r < g.rounds; r++ {
		s.do(x86.VBROADCASTI128(g.keyMem(r), yTemp))
		for i := range n {
			s.do(x86.VAESENC(yTemp, st[i], st[i]))
		}
	}
	s.do(x86.VBROADCASTI128(g.keyMem(g.rounds), yTemp))
	for i := range n {
		s.do(x86.VAESENCLAST(yTemp, st[i], st[i]))
	}
	for i := range n {
		if tail && i == n-1 {
			s.do(x86.VPXOR(operand.Mem{Base: rTailSrc}, st[i], st[i]))
			continue
		}
		s.do(x86.VPXOR(operand.Mem{Base: rSrc, Disp: 32 * i}, st[i], st[i]))
		s.do(x86.VMOVDQU(st[i], operand.Mem{Base: rDst, Disp: 32 * i}))
	}
}

// turnHash is the hash of a whole turn, from memory.
func (g *ymmKernel) turnHash(s *seq) {
	for i := range ymmTurn {
		from := operand.Mem{Base: rDst, Disp: 32 * (i - ymmTurn)} // the turn before
		if g.open {
			from = operand.Mem{Base: rSrc, Disp: 32 * i}
		}
		s.do(x86.VMOVDQU(from, yT[0]))
		s.do(x86.VPSHUFB(cSwap, yT[0], yT[0]))
		s.hashY(yT[0], i)
	}
	s.do(x86.ADDQ(operand.U32(32*ymmTurn), rPow))
}

func (g *ymmKernel) turn(hash bool) {
	var a, h seq
	g.encrypt(&a, ymmTurn, false)
	if hash {
		g.turnHash(&h)
	}
	over := ymmSealSpan
	if g.open {
		over = ymmOpenSpan
	}
	interleave(a, h, over)
	ADDQ(operand.U32(32*ymmTurn), rSrc)
	ADDQ(operand.U32(32*ymmTurn), rDst)
}

// What hashSpan is for AVX-512. When opening, the hash has to read the text in
// before the text out may cover it.
var (
	ymmSealSpan = span{0.2, 1}
	ymmOpenSpan = span{0, 0.75}
)

// ymmRecord generates a kernel that does a whole record, or part of one.
func ymmRecord(bits int, open bool) {
	g := &ymmKernel{rounds: bits/32 + 6, open: open}
	if open {
		TEXT(fmt.Sprintf("openYMM%d", bits), NOSPLIT,
			"func(sched, tab, nonce, dst, src *byte, n int, seed *byte, seedLen int, mode uint64) (size, bad int)")
	} else {
		TEXT(fmt.Sprintf("sealYMM%d", bits), NOSPLIT,
			"func(sched, tab, nonce, dst, src *byte, n int, seed *byte, seedLen int, mode uint64)")
	}
	Pragma("noescape")
	g.scratch = AllocLocal(64)
	g.counter = AllocLocal(32)
	g.mask = AllocLocal(16)
	g.lens = AllocLocal(16)

	g.begin()
	g.seed()
	if g.open {
		g.openText()
	} else {
		g.sealText()
	}
	g.finish()

	g.segments()
	g.modes()
	g.edges()
}

// begin loads the arguments and starts on the counters, with the nonce in X0
// and the same after the first round key in X1.
func (g *ymmKernel) begin() {
	Load(Param("sched"), rKeys)
	Load(Param("tab"), rEnd)
	Load(Param("nonce"), RCX)
	Load(Param("dst"), rDst)
	Load(Param("src"), rSrc)
	Load(Param("n"), rN)
	ADDQ(operand.U32(16*ymmPowerNum), rEnd)
	mode := Load(Param("mode"), RAX)
	XORL(rShift.As32(), rShift.As32())
	TESTQ(mode, mode)
	JNE(operand.LabelRef("modes"))

	loadNonce(0, X0)
	VPXOR(g.keyMem(0), X0, X1)
	g.first(false)
	Load(Param("seedLen"), RCX)
	Load(Param("seed"), R10)
	MOVQ(rN, RAX)
	SHLQ(imm(3), RAX)
	VMOVQ(RAX, X8)
	MOVQ(RCX, RAX)
	SHLQ(imm(3), RAX)
	VPINSRQ(imm(1), RAX, X8, X8)
	Label("counters")
	VINSERTI128(imm(1), X1, Y1, yBase)
	VPSHUFB(cSwap, X0, X0)
	VINSERTI128(imm(1), X0, Y0, Y0)
	VMOVDQU(Y0, g.counter)
	VMOVDQU(X8, g.lens)
}

// first encrypts the first counter block; that in X1 has no counter yet. For a
// chunk, it encrypts those of the length as well, from X2, into X2 and X3.
func (g *ymmKernel) first(chunk bool) {
	VPXOR(cOne, X1, X4)
	if chunk {
		VPXOR(cTwo, X2, X3)
		VPXOR(cOne, X2, X2)
	}
	for r := 1; r <= g.rounds; r++ {
		enc := VAESENC
		if r == g.rounds {
			enc = VAESENCLAST
		}
		if !chunk {
			enc(g.keyMem(r), X4, X4)
			continue
		}
		VMOVDQU(g.keyMem(r), X5)
		for _, x := range []VecPhysical{X4, X2, X3} {
			enc(X5, x, x)
		}
	}
	VMOVDQU(X4, g.mask)
}

// seed starts the hash: with the additional data (or the hash of what precedes)
// and the lengths, both in one multiplication.
func (g *ymmKernel) seed() {
	VPXOR(X9, X9, X9)
	TESTQ(RCX, RCX)
	JZ(operand.LabelRef("seeded"))
	pageEdge(R10, RCX, 16, RAX, R9)
	JNE(operand.LabelRef("seededge"))
	Label("seedhere")
	LEAQ(cBytes.Offset(32), RAX)
	SUBQ(RCX, RAX)
	VMOVDQU(operand.Mem{Base: R10}, X9)
	VPAND(operand.Mem{Base: RAX}, X9, X9)
	VPSHUFB(cSwap, X9, X9)
	Label("seeded")

	LEAQ(operand.Mem{Base: rN, Disp: 15}, rBlocks)
	SHRQ(imm(4), rBlocks)
	MOVQ(rN, rTurns)
	SHRQ(imm(8), rTurns)
	ANDQ(operand.U32(32*ymmTurn-1), rN)
	CMPQ(rBlocks, operand.U32((ymmSegment+1)*ymmBlocks))
	JHI(operand.LabelRef("long"))
	VINSERTI128(imm(1), X8, Y9, Y9)
	lastSegment()
	Label("segmented")
	g.multiplySeed()
}

// multiplySeed sets the sums to the products of what Y9 has, a seed and the
// length block, and their powers.
func (g *ymmKernel) multiplySeed() {
	VMOVDQU(operand.Mem{Base: rPow, Index: rShift, Scale: 1, Disp: -16}, X10)
	VINSERTI128(imm(1), operand.Mem{Base: rEnd, Disp: -16}, Y10, Y10)
	VPSHUFD(imm(0x4e), Y9, Y11)
	VPSHUFD(imm(0x4e), Y10, Y12)
	VPXOR(Y9, Y11, Y11)
	VPXOR(Y10, Y12, Y12)
	VPCLMULQDQ(imm(0x00), Y10, Y9, yLo)
	VPCLMULQDQ(imm(0x11), Y10, Y9, yHi)
	VPCLMULQDQ(imm(0x00), Y12, Y11, yMiddle)
}

func (g *ymmKernel) sealText() {
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
	JZ(operand.LabelRef("tail0"))
	g.tails("tail", func(v int) {
		var a, h seq
		g.encrypt(&a, v, true)
		g.turnHash(&h)
		interleave(a, h, ymmSealSpan)
	})
	Label("tail0")
	var h seq
	g.turnHash(&h)
	h.emit()
	JMP(operand.LabelRef("finish"))
	Label("short")
	TESTQ(rN, rN)
	JZ(operand.LabelRef("finish"))
	g.tails("short", func(v int) {
		var a seq
		g.encrypt(&a, v, true)
		a.emit()
	})

	// The hash of the last vectors, entered at their number.
	for v := ymmTurn; v > 0; v-- {
		Label(fmt.Sprintf("hash%d", v))
		var s seq
		s.hashY(yState[v-1], v-1)
		s.emit()
	}
	Label("finish")
}

func (g *ymmKernel) openText() {
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
		for i := range v - 1 {
			h.do(x86.VMOVDQU(operand.Mem{Base: rSrc, Disp: 32 * i}, yT[0]))
			h.do(x86.VPSHUFB(cSwap, yT[0], yT[0]))
			h.hashY(yT[0], i)
		}
		h.do(x86.VMOVDQU(operand.Mem{Base: rTailSrc}, yT[0]))
		h.do(x86.VPAND(operand.Mem{Base: rTailMask}, yT[0], yT[0]))
		h.do(x86.VPSHUFB(cSwap, yT[0], yT[0]))
		h.hashY(yT[0], v-1)
		g.encrypt(&a, v, true)
		interleave(a, h, ymmOpenSpan)
	})
	Label("finish")
}

// tails emits the code for the text behind the whole turns, by number of
// vectors. The last one is left in the scratch. When sealing, it goes on behind
// "hash" and that number.
func (g *ymmKernel) tails(label string, one func(v int)) {
	LEAQ(operand.Mem{Base: rN, Disp: -1}, RAX)
	ANDQ(operand.I32(-32), RAX)
	LEAQ(operand.Mem{Base: rSrc, Index: RAX, Scale: 1}, rTailSrc)
	LEAQ(operand.Mem{Base: rDst, Index: RAX, Scale: 1}, rTailDst)
	MOVQ(rN, RCX)
	SUBQ(RAX, RCX)
	LEAQ(cBytes.Offset(32), rTailMask)
	SUBQ(RCX, rTailMask)
	pageEdge(rTailSrc, RCX, 32, R10, R11)
	JNE(operand.LabelRef(label + "edge"))
	Label(label + "here")
	choose(label, 32, 1, ymmTurn)
	for v := 1; v <= ymmTurn; v++ {
		Label(fmt.Sprintf("%s%d", label, v))
		one(v)
		last := yState[v-1]
		VMOVDQU(last, g.scratch)
		if g.open {
			if v < ymmTurn {
				JMP(operand.LabelRef("finish"))
			}
			continue
		}
		VPAND(operand.Mem{Base: rTailMask}, last, last)
		for i := range v {
			VPSHUFB(cSwap, yState[i], yState[i])
		}
		if label == "tail" || v < ymmTurn {
			JMP(operand.LabelRef(fmt.Sprintf("hash%d", v)))
		}
	}
}

// finish makes the tag of the hash, and writes or compares it.
func (g *ymmKernel) finish() {
	reduceY()
	VPSHUFB(cSwap, yHi.AsX(), X0)
	mode := Load(Param("mode"), RAX)
	TESTL(operand.U32(modeMore), mode.(GPPhysical).As32())
	JNE(operand.LabelRef("more"))
	VPXOR(g.mask, X0, X0)
	if g.open {
		VPXOR(operand.Mem{Base: rSrc, Index: rN, Scale: 1}, X0, X0)
		XORL(EAX, EAX)
		VPTEST(X0, X0)
		SETNE(AL)
		ADDL(EAX, EAX)
		Store(RAX, ReturnIndex(1))
	} else {
		VMOVDQU(X0, operand.Mem{Base: rDst, Index: rN, Scale: 1})
	}
	Label("written")
	TESTQ(rTailDst, rTailDst)
	JZ(operand.LabelRef("done"))
	LEAQ(operand.Mem{Base: rN, Disp: -1}, RAX)
	ANDQ(operand.I32(-32), RAX)
	SUBQ(RAX, rN)
	LEAQ(g.scratch, RCX)
	TESTQ(operand.U32(32), rN)
	JZ(operand.LabelRef("outpart"))
	VMOVDQU(operand.Mem{Base: RCX}, Y1)
	VMOVDQU(Y1, operand.Mem{Base: rTailDst})
	JMP(operand.LabelRef("done"))
	Label("outpart")
	copyBytes("out", 16, RCX, rTailDst, rN, R10, Y1)
	Label("done")
	g.clear()
	RET()
}

// clear leaves no secret on the stack or in registers.
func (g *ymmKernel) clear() {
	VPXOR(Y0, Y0, Y0)
	VMOVDQU(Y0, g.scratch)
	VMOVDQU(Y0, g.scratch.Offset(ymmScratchIn))
	VMOVDQU(X0, g.mask)
	clearY()
}

// segments emits what happens between two segments: the hash so far is reduced
// and becomes the seed of the next one.
func (g *ymmKernel) segments() {
	Label("long")
	VMOVDQA(X9, X9)
	fullSegment(ymmSegment, ymmBlocks, 16*ymmPowerNum)
	JMP(operand.LabelRef("segmented"))

	Label("segment")
	reduceY()
	VMOVDQA(yHi.AsX(), X9)
	MOVL(operand.U32(16), rShift.As32())
	SUBQ(operand.U32(ymmBlocks*ymmSegment), rBlocks)
	CMPQ(rBlocks, operand.U32((ymmSegment+1)*ymmBlocks))
	JHI(operand.LabelRef("fullsegment"))
	lastSegment()
	VINSERTI128(imm(1), g.lens, Y9, Y9)
	g.multiplySeed()
	JMP(operand.LabelRef("segmentdone"))
	Label("fullsegment")
	fullSegment(ymmSegment, ymmBlocks, 16*ymmPowerNum)
	g.multiplySeed()
	JMP(operand.LabelRef("segmentdone"))
}

// modes emits the beginnings of chunks and parts.
func (g *ymmKernel) modes() {
	Label("modes")
	TESTL(operand.U32(modeChunk), EAX)
	JNE(operand.LabelRef("chunk"))

	MOVQ(RAX, rBlocks)
	loadNonce(0, X0)
	VPXOR(g.keyMem(0), X0, X1)
	g.first(false)
	partLengths()

	Label("more")
	Load(Param("seed"), RAX)
	VMOVDQU(X0, operand.Mem{Base: RAX})
	if g.open {
		XORL(EAX, EAX)
		Store(RAX, ReturnIndex(1))
	}
	JMP(operand.LabelRef("written"))

	Label("chunk")
	loadNonce(0, X2)
	loadNonce(12, X0)
	VPXOR(g.keyMem(0), X2, X2)
	VPXOR(g.keyMem(0), X0, X1)
	g.first(true)
	chunkLength(g.open, cSwap, g.clear)
}

// edges emits the detours around the edges of pages, by way of the stack.
func (g *ymmKernel) edges() {
	in := g.scratch.Offset(ymmScratchIn)
	Label("seededge")
	LEAQ(in, rBlocks)
	copyBytes("seed", 8, R10, rBlocks, RCX, R9, Y9)
	LEAQ(in, R10)
	JMP(operand.LabelRef("seedhere"))

	labels := []string{"tail", "short"}
	if g.open {
		labels = labels[:1]
	}
	for _, label := range labels {
		Label(label + "edge")
		LEAQ(in, R10)
		copyBytes(label+"in", 16, rTailSrc, R10, RCX, R11, Y0)
		LEAQ(in, rTailSrc)
		JMP(operand.LabelRef(label + "here"))
	}
}
