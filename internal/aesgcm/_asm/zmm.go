package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

// Vector registers, beside those of the hash.
var (
	zState   = [zmmTurn]VecPhysical{Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7}
	zCounter = Z24 // byte-swapped counter block, counter a multiple of 32, in each lane
	zTemp    = Z25 // round keys, text
	zBase    = Z26 // the same counter as it is, after the first round key
	zMask    = Z27 // encrypted first counter block; and, of a chunk, those of its length
	zCarry   = Z28 // opening: what the last segment's reduction yielded
)

type zmmKernel struct {
	rounds   int
	open     bool
	resident [15]VecPhysical // round keys in registers
	lens     operand.Mem     // on the stack: the length block
	scratch  operand.Mem     // on the stack: a vector at the edge of a page
}

func (g *zmmKernel) keyMem(r int) operand.Mem {
	return operand.Mem{Base: rKeys, Disp: keyRounds + 16*r}
}

// zmmRecord generates a kernel that does a whole record, or part of one.
func zmmRecord(bits int, open bool) {
	g := &zmmKernel{rounds: bits/32 + 6, open: open}
	resident := []VecPhysical{Z28, Z29, Z30, Z31}
	if open {
		resident = resident[1:]
	}
	for i, z := range resident {
		g.resident[g.rounds-i] = z
	}
	if open {
		TEXT(fmt.Sprintf("openZMM%d", bits), NOSPLIT,
			"func(sched, tab, nonce, dst, src *byte, n int, seed *byte, seedLen int, mode uint64) (size, bad int)")
	} else {
		TEXT(fmt.Sprintf("sealZMM%d", bits), NOSPLIT,
			"func(sched, tab, nonce, dst, src *byte, n int, seed *byte, seedLen int, mode uint64)")
	}
	Pragma("noescape")
	g.lens = AllocLocal(16)
	g.scratch = AllocLocal(64)

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
func (g *zmmKernel) begin() {
	Load(Param("sched"), rKeys)
	Load(Param("tab"), rEnd)
	Load(Param("nonce"), RCX)
	Load(Param("dst"), rDst)
	Load(Param("src"), rSrc)
	Load(Param("n"), rN)
	ADDQ(operand.U32(16*zmmPowerNum), rEnd)
	VBROADCASTI32X4(cSwap, zSwap)
	for r, k := range g.resident {
		if k != nil {
			VBROADCASTI32X4(g.keyMem(r), k)
		}
	}
	mode := Load(Param("mode"), RAX)
	XORL(rShift.As32(), rShift.As32())
	TESTQ(mode, mode)
	JNE(operand.LabelRef("modes"))

	loadNonce(0, X0)
	VPXORQ(g.keyMem(0), X0, X1)
	g.first(1)
	Load(Param("seedLen"), RCX)
	Load(Param("seed"), R10)
	MOVQ(rN, RAX)
	SHLQ(imm(3), RAX)
	VMOVQ(RAX, X8)
	MOVQ(RCX, RAX)
	SHLQ(imm(3), RAX)
	VPINSRQ(imm(1), RAX, X8, X8)
	Label("counters")
	VSHUFI64X2(imm(0), Z1, Z1, zBase)
	VPSHUFB(zSwap.AsX(), X0, X0)
	VSHUFI64X2(imm(0), Z0, Z0, zCounter)
}

// first encrypts the first counter block; that in X1 has no counter yet. For a
// chunk, it encrypts three, with what Z1 has in its lanes.
func (g *zmmKernel) first(lanes int) {
	as := func(z VecPhysical) VecPhysical {
		if lanes == 1 {
			return z.AsX().(VecPhysical)
		}
		return z
	}
	if lanes == 1 {
		VPXORQ(cOne, X1, zMask.AsX())
	} else {
		VPXORQ(cChunk, Z1, zMask)
	}
	var s seq
	for r := 1; r <= g.rounds; r++ {
		k := as(g.key(&s, r))
		if r < g.rounds {
			s.do(x86.VAESENC(k, as(zMask), as(zMask)))
		} else {
			s.do(x86.VAESENCLAST(k, as(zMask), as(zMask)))
		}
	}
	s.emit()
}

// seed starts the hash: with the additional data (or the hash of what precedes)
// and the lengths, in X8, both in one multiplication.
func (g *zmmKernel) seed() {
	VPXOR(X9, X9, X9)
	TESTQ(RCX, RCX)
	JZ(operand.LabelRef("seeded"))
	pageEdge(R10, RCX, 16, RAX, R9)
	JNE(operand.LabelRef("seededge"))
	Label("seedhere")
	MOVL(operand.I32(-1), EAX)
	BZHIL(ECX, EAX, EAX)
	KMOVW(EAX, K2)
	VMOVDQU8_Z(operand.Mem{Base: R10}, K2, X9)
	VPSHUFB(zSwap.AsX(), X9, X9)
	Label("seeded")

	LEAQ(operand.Mem{Base: rN, Disp: 15}, rBlocks)
	SHRQ(imm(4), rBlocks)
	MOVQ(rN, rTurns)
	SHRQ(imm(9), rTurns)
	ANDQ(operand.U32(64*zmmTurn-1), rN)
	if g.open {
		VPXORQ(zCarry, zCarry, zCarry)
	}
	CMPQ(rBlocks, operand.U32(zmmLast))
	JHI(operand.LabelRef("long"))
	VINSERTI32X4(imm(1), X8, Z9, Z9)
	lastSegment()
	Label("segmented")
	VMOVDQU64(operand.Mem{Base: rPow, Index: rShift, Scale: 1, Disp: -16}, Z10)
	VINSERTI32X4(imm(1), operand.Mem{Base: rEnd, Disp: -16}, Z10, Z10)
	var s seq
	s.multiply(Z9, Z10, false)
	s.emit()
}

// finish makes the tag of the hash, and writes or compares it.
func (g *zmmKernel) finish() {
	var s seq
	s.reduce()
	s.emit()
	VPSHUFB(zSwap.AsX(), zHi.AsX(), X0)
	mode := Load(Param("mode"), RAX)
	TESTL(operand.U32(modeMore), mode.(GPPhysical).As32())
	JNE(operand.LabelRef("more"))
	VPXORQ(zMask.AsX(), X0, X0)
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
	LEAQ(g.scratch, RAX)
	CMPQ(RAX, rTailDst)
	JEQ(operand.LabelRef("flush"))
	Label("flushed")
	clearZ()
	RET()
}

// modes emits the beginnings of chunks and parts.
func (g *zmmKernel) modes() {
	Label("modes")
	TESTL(operand.U32(modeChunk), EAX)
	JNE(operand.LabelRef("chunk"))

	// A part: the counter starts at the number of blocks before it.
	MOVQ(RAX, rBlocks)
	loadNonce(0, X0)
	VPXORQ(g.keyMem(0), X0, X1)
	g.first(1)
	partLengths()

	Label("more")
	Load(Param("seed"), RAX)
	VMOVDQU(X0, operand.Mem{Base: RAX})
	if g.open {
		XORL(EAX, EAX)
		Store(RAX, ReturnIndex(1))
	}
	JMP(operand.LabelRef("written"))

	g.chunk()
}

// chunk emits the beginning of a chunk: the length is sealed, or opened, before
// the payload. Its counter blocks share a vector with the payload's first.
func (g *zmmKernel) chunk() {
	Label("chunk")
	loadNonce(0, X1)
	loadNonce(12, X0)
	VPXORQ(g.keyMem(0), X1, X1)
	VPXORQ(g.keyMem(0), X0, X2)
	VSHUFI64X2(imm(0), Z1, Z1, Z1)
	VINSERTI32X4(imm(0), X2, Z1, Z1)
	g.first(4)
	VMOVDQA(X2, X1)
	VEXTRACTI32X4(imm(1), zMask, X2)
	VEXTRACTI32X4(imm(2), zMask, X3)
	chunkLength(g.open, zSwap.AsX(), clearZ)
}

// edges emits the detours around the edges of pages, by way of the stack.
func (g *zmmKernel) edges() {
	Label("seededge")
	LEAQ(g.scratch, rBlocks)
	MOVQ(RCX, RAX)
	copyBytes("seed", 8, R10, rBlocks, RAX, R9, Y9)
	LEAQ(g.scratch, R10)
	JMP(operand.LabelRef("seedhere"))

	labels := []string{"tail", "short"}
	if g.open {
		labels = labels[:1]
	}
	for _, label := range labels {
		Label(label + "edge")
		LEAQ(g.scratch, rTailDst)
		copyBytes(label+"in", 32, rTailSrc, rTailDst, RCX, R10, zState[0].AsY())
		LEAQ(g.scratch, rTailDst)
		MOVQ(rTailDst, rTailSrc)
		JMP(operand.LabelRef(label + "here"))
	}

	Label("flush")
	LEAQ(operand.Mem{Base: rN, Disp: -1}, RCX)
	ANDQ(operand.I32(-64), RCX)
	ADDQ(RCX, rDst)
	SUBQ(RCX, rN)
	copyBytes("out", 32, rTailDst, rDst, rN, R10, Y0)
	LEAQ(g.scratch, rTailDst)
	VPXOR(Y0, Y0, Y0)
	VMOVDQU(Y0, operand.Mem{Base: rTailDst})
	VMOVDQU(Y0, operand.Mem{Base: rTailDst, Disp: 32})
	JMP(operand.LabelRef("flushed"))
}
