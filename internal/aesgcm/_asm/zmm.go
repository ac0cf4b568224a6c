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

// key returns a register with round key r in all lanes.
func (g *zmmKernel) key(s *seq, r int) VecPhysical {
	if k := g.resident[r]; k != nil {
		return k
	}
	s.do(x86.VBROADCASTI32X4(g.keyMem(r), zTemp))
	return zTemp
}

// encrypt encrypts (or decrypts) n vectors of text; with tail, the last of
// them is that of rTailSrc, rTailDst and K1.
func (g *zmmKernel) encrypt(s *seq, n int, tail bool) {
	const last = zmmTurn - 1
	st := zState
	if n > last {
		// The first 30 counters of a turn differ from its base in five bits
		// that are zero there; the last two belong to the next base.
		s.do(x86.VPADDD(cTurn, zCounter, zCounter))
		s.do(x86.VPSHUFB(zSwap, zCounter, st[last]))
		k := g.key(s, 0)
		s.do(x86.VPXORQ(k, st[last], st[last]))
	}
	for i := 0; i < n && i < last; i++ {
		s.do(x86.VPXORQ(cCounters[i], zBase, st[i]))
	}
	if n > last {
		s.do(x86.VINSERTI64X4(imm(1), st[last].AsY(), zBase, zTemp))
		s.do(x86.VMOVDQA64(st[last], zBase))
		s.do(x86.VPXORQ(cCounters[last], zTemp, st[last]))
	}
	for r := 1; r < g.rounds; r++ {
		k := g.key(s, r)
		for i := range n {
			s.do(x86.VAESENC(k, st[i], st[i]))
		}
	}
	// The last round key goes into the text, whose exclusive or with the key
	// stream is then part of the last round.
	k := g.resident[g.rounds]
	for i := range n {
		src, dst := operand.Mem{Base: rSrc, Disp: 64 * i}, operand.Mem{Base: rDst, Disp: 64 * i}
		if tail && i == n-1 {
			s.do(x86.VMOVDQU8_Z(operand.Mem{Base: rTailSrc}, K1, zTemp))
			s.do(x86.VPXORQ(zTemp, k, zTemp))
			s.do(x86.VAESENCLAST(zTemp, st[i], st[i]))
			s.do(x86.VMOVDQU8(st[i], K1, operand.Mem{Base: rTailDst}))
			if !g.open {
				s.do(x86.VMOVDQU8_Z(st[i], K1, st[i]))
			}
			continue
		}
		s.do(x86.VPXORQ(src, k, zTemp))
		s.do(x86.VAESENCLAST(zTemp, st[i], st[i]))
		s.do(x86.VMOVDQU64(st[i], dst))
	}
}

// load loads n vectors of the text to open, byte-swapped, for the hash.
func (g *zmmKernel) load(s *seq, n int, tail bool) {
	for i := range n {
		if tail && i == n-1 {
			s.do(x86.VMOVDQU8_Z(operand.Mem{Base: rTailSrc}, K1, zData[i]))
		} else {
			s.do(x86.VMOVDQU64(operand.Mem{Base: rSrc, Disp: 64 * i}, zData[i]))
		}
		s.do(x86.VPSHUFB(zSwap, zData[i], zData[i]))
	}
	s.do(x86.VPXORQ(zCarry, zData[0], zData[0]))
}

// give hands n vectors of sealed text on to the hash.
func (g *zmmKernel) give(n int) {
	for i := range n {
		VPSHUFB(zSwap, zState[i], zData[i])
	}
}

func (g *zmmKernel) advance() {
	ADDQ(operand.U32(64*zmmTurn), rSrc)
	ADDQ(operand.U32(64*zmmTurn), rDst)
}

// turn emits a whole turn: its AES, and its hash if it is to be opened, else
// that of the turn before.
func (g *zmmKernel) turn(hash bool) {
	var a, h seq
	g.encrypt(&a, zmmTurn, false)
	if g.open {
		g.load(&h, zmmTurn, false)
		h.do(x86.VPXORQ(zCarry, zCarry, zCarry))
	}
	if hash {
		h.hash(zmmTurn)
		h.do(x86.ADDQ(operand.U32(64*zmmTurn), rPow))
	}
	interleave(a, h, hashSpan)
	g.advance()
	if !g.open {
		g.give(zmmTurn)
	}
}

// hashSpan is the part of a turn's AES over which the hash is spread: not from
// the start, where its data are not there yet.
var hashSpan = span{0.1, 0.95}

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
