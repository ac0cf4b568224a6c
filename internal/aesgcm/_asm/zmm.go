package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

// General registers of the record kernels. R15 stays free: the linker may
// want it.
var (
	rKeys   = R8
	rDst    = RDI
	rSrc    = RSI
	rN      = RDX // bytes of text; from the first turn on, those behind the whole turns
	rTurns  = R12 // whole turns left
	rLeft   = R9  // turns left in the segment
	rBlocks = R13 // blocks left, the lengths not among them
	rEnd    = R14 // end of the powers; 16 beyond it if no lengths follow
	rShift  = R11 // 16 if the seed is a hash already

	// In the tail rLeft and rTurns are used up.
	rTailSrc = R9  // the last vector of text, or a copy of it
	rTailDst = R12 // where it goes
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
	interleave(a, h, hashShare)
	g.advance()
	if !g.open {
		g.give(zmmTurn)
	}
}

// hashShare is the part of a turn's AES over which the hash is spread.
const hashShare = 0.9

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

// nonce loads a nonce, and zero for a counter, into x.
func (g *zmmKernel) nonce(disp int, x VecPhysical) {
	// Loads of four bytes: forwarded from whatever stores wrote the nonce.
	MOVL(operand.Mem{Base: RCX, Disp: disp}, R10.As32())
	MOVL(operand.Mem{Base: RCX, Disp: disp + 4}, EAX)
	SHLQ(imm(32), RAX)
	ORQ(RAX, R10)
	VMOVQ(R10, x)
	MOVL(operand.Mem{Base: RCX, Disp: disp + 8}, EAX)
	VPINSRQ(imm(1), RAX, x, x)
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
	TESTQ(mode, mode)
	JNE(operand.LabelRef("modes"))

	g.nonce(0, X0)
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
	XORL(rShift.As32(), rShift.As32())
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
	CMPQ(rBlocks, operand.U32((zmmSegment+1)*zmmBlocks))
	JHI(operand.LabelRef("long"))
	VINSERTI32X4(imm(1), X8, Z9, Z9)
	g.lastSegment()
	Label("segmented")
	VMOVDQU64(operand.Mem{Base: rPow, Index: rShift, Scale: 1, Disp: -16}, Z10)
	VINSERTI32X4(imm(1), operand.Mem{Base: rEnd, Disp: -16}, Z10, Z10)
	var s seq
	s.multiply(Z9, Z10, false)
	s.emit()
}

// lastSegment takes up all the blocks that are left, and the lengths.
func (g *zmmKernel) lastSegment() {
	MOVQ(operand.I32(-1), rLeft)
	LEAQ(operand.Mem{Base: rBlocks, Disp: 1}, RAX)
	SHLQ(imm(4), RAX)
	MOVQ(rEnd, rPow)
	SUBQ(RAX, rPow)
}

// fullSegment takes up zmmSegment turns.
func (g *zmmKernel) fullSegment() {
	MOVQ(operand.U32(zmmSegment), rLeft)
	Load(Param("tab"), rPow)
	ADDQ(operand.U32(16*(zmmPowerNum-zmmBlocks*zmmSegment)), rPow)
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
		interleave(a, h, hashShare)
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
		interleave(a, h, hashShare)
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
	g.choose(label, 1, zmmTurn)
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

// choose jumps to the code for the number of vectors that RAX tells, 64 bytes
// for each but the first.
func (g *zmmKernel) choose(label string, lo, hi int) {
	if lo == hi {
		JMP(operand.LabelRef(fmt.Sprintf("%s%d", label, lo)))
		return
	}
	mid := (lo + hi + 1) / 2
	upper := fmt.Sprintf("%sfrom%d", label, mid)
	if mid == hi {
		upper = fmt.Sprintf("%s%d", label, hi)
	}
	CMPQ(RAX, operand.U32(uint32(64*(mid-1))))
	JHS(operand.LabelRef(upper))
	g.choose(label, lo, mid-1)
	if mid < hi {
		Label(upper)
		g.choose(label, mid, hi)
	}
}

// pageEdge sets the flag NE if an access of size bytes at p reaches another
// page than the n bytes there that are wanted. Masked out bytes on a page that
// is not present would cost some 200 ns.
func pageEdge(p, n Register, size int, t, u GPPhysical) {
	LEAQ(operand.Mem{Base: p, Disp: size - 1}, t)
	LEAQ(operand.Mem{Base: p, Index: n, Scale: 1, Disp: -1}, u)
	XORQ(t, u)
	TESTQ(operand.I32(-4096), u)
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
	g.fullSegment()
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
	SUBQ(operand.U32(zmmBlocks*zmmSegment), rBlocks)
	CMPQ(rBlocks, operand.U32((zmmSegment+1)*zmmBlocks))
	JHI(operand.LabelRef("fullsegment"))
	g.lastSegment()
	VMOVDQU(g.lens, zState[0].AsX())
	VMOVDQU(operand.Mem{Base: rEnd, Disp: -16}, zState[1].AsX())
	var m seq
	m.multiply(zState[0], zState[1], true)
	m.emit()
	JMP(operand.LabelRef("segmentdone"))
	Label("fullsegment")
	g.fullSegment()
	JMP(operand.LabelRef("segmentdone"))
}

// modes emits the beginnings of chunks and parts.
func (g *zmmKernel) modes() {
	Label("modes")
	TESTL(operand.U32(modeChunk), EAX)
	JNE(operand.LabelRef("chunk"))

	// A part: the counter starts at the number of blocks before it.
	MOVQ(RAX, rBlocks)
	g.nonce(0, X0)
	VPXORQ(g.keyMem(0), X0, X1)
	g.first(1)
	Load(Param("seedLen"), RAX)
	SHLQ(imm(3), RAX)
	MOVQ(rBlocks, R10)
	SHRQ(imm(32), R10)
	MOVQ(R10, RCX)
	SHLQ(imm(4), RCX)
	ADDQ(rN, RCX)
	SHLQ(imm(3), RCX)
	VMOVQ(RCX, X8)
	VPINSRQ(imm(1), RAX, X8, X8)
	BSWAPL(R10.As32())
	SHLQ(imm(32), R10)
	VMOVQ(R10, X9)
	VPSLLDQ(imm(8), X9, X9)
	VPXOR(X9, X0, X0)
	VPXOR(X9, X1, X1)
	Load(Param("seedLen"), RCX)
	Load(Param("seed"), R10)
	XORL(rShift.As32(), rShift.As32())
	TESTL(operand.U32(modeResume), rBlocks.As32())
	JZ(operand.LabelRef("fresh"))
	MOVL(operand.U32(16), rShift.As32())
	MOVL(operand.U32(16), ECX)
	Label("fresh")
	TESTL(operand.U32(modeMore), rBlocks.As32())
	JZ(operand.LabelRef("counters"))
	ADDQ(imm(16), rEnd)
	VPXOR(X8, X8, X8)
	JMP(operand.LabelRef("counters"))

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
	g.nonce(0, X1)
	g.nonce(12, X0)
	VPXORQ(g.keyMem(0), X1, X1)
	VPXORQ(g.keyMem(0), X0, X2)
	VSHUFI64X2(imm(0), Z1, Z1, Z1)
	VINSERTI32X4(imm(0), X2, Z1, Z1)
	g.first(4)
	VMOVDQA(X2, X1)
	VEXTRACTI32X4(imm(2), zMask, X3)
	VMOVD(X3, EAX)
	if g.open {
		MOVWLZX(operand.Mem{Base: rSrc}, ECX)
		XORL(ECX, EAX)
		MOVWLZX(AX, EAX)
		ROLW(imm(8), AX)
		MOVQ(rN, R10) // bytes there
		MOVQ(RAX, rN)
	} else {
		MOVL(rN.As32(), ECX)
		ROLW(imm(8), CX)
		XORL(EAX, ECX)
		MOVW(CX, operand.Mem{Base: rDst})
	}
	ROLW(imm(8), CX)
	SHLQ(imm(48), RCX)
	VPXOR(X3, X3, X3)
	VPINSRQ(imm(1), RCX, X3, X3)
	VINSERTI128(imm(1), cBits16, Y3, Y3)
	VMOVDQU(operand.Mem{Base: rEnd, Disp: -32}, Y4)
	VPCLMULQDQ(imm(0x00), Y4, Y3, Y5)
	VPCLMULQDQ(imm(0x01), Y4, Y3, Y6)
	VPCLMULQDQ(imm(0x10), Y4, Y3, Y7)
	VPCLMULQDQ(imm(0x11), Y4, Y3, Y8)
	VPXOR(Y7, Y6, Y6)
	VBROADCASTI128(cPoly, Y4)
	VPCLMULQDQ(imm(0x00), Y4, Y5, Y7)
	VPSHUFD(imm(0x4e), Y5, Y5)
	VPTERNLOGQ(imm(ternXor3), Y5, Y7, Y6)
	VPCLMULQDQ(imm(0x00), Y4, Y6, Y7)
	VPSHUFD(imm(0x4e), Y6, Y6)
	VPTERNLOGQ(imm(ternXor3), Y6, Y7, Y8)
	VEXTRACTI128(imm(1), Y8, X5)
	VPXOR(X5, X8, X8)
	VPSHUFB(zSwap.AsX(), X8, X8)
	VEXTRACTI32X4(imm(1), zMask, X3)
	VPXOR(X3, X8, X8)
	if g.open {
		VPXOR(operand.Mem{Base: rSrc, Disp: 2}, X8, X8)
		VPTEST(X8, X8)
		JNE(operand.LabelRef("badlength"))
		Store(rN, ReturnIndex(0))
		Load(Param("seedLen"), RAX) // the limit, which may be -1
		CMPQ(rN, RAX)
		JGT(operand.LabelRef("lengthonly"))
		LEAQ(operand.Mem{Base: rN, Disp: 34}, RAX)
		CMPQ(RAX, R10)
		JHI(operand.LabelRef("lengthonly"))
		ADDQ(imm(18), rSrc)
	} else {
		VMOVDQU(X8, operand.Mem{Base: rDst, Disp: 2})
		ADDQ(imm(18), rDst)
	}
	MOVQ(rN, RAX)
	SHLQ(imm(3), RAX)
	VMOVQ(RAX, X8)
	XORL(ECX, ECX)
	XORL(rShift.As32(), rShift.As32())
	JMP(operand.LabelRef("counters"))
	if !g.open {
		return
	}
	Label("badlength")
	MOVL(operand.U32(badLength), EAX)
	Store(RAX, ReturnIndex(1))
	clearZ()
	RET()
	Label("lengthonly")
	XORL(EAX, EAX)
	Store(RAX, ReturnIndex(1))
	clearZ()
	RET()
}

// edges emits the detours around the edges of pages, by way of the stack.
func (g *zmmKernel) edges() {
	Label("seededge")
	LEAQ(g.scratch, rBlocks)
	MOVQ(RCX, RAX)
	copyBytes("seed", R10, rBlocks, RAX, R9, Y9)
	LEAQ(g.scratch, R10)
	JMP(operand.LabelRef("seedhere"))

	labels := []string{"tail", "short"}
	if g.open {
		labels = labels[:1]
	}
	for _, label := range labels {
		Label(label + "edge")
		LEAQ(g.scratch, rTailDst)
		copyBytes(label+"in", rTailSrc, rTailDst, RCX, R10, zState[0].AsY())
		LEAQ(g.scratch, rTailDst)
		MOVQ(rTailDst, rTailSrc)
		JMP(operand.LabelRef(label + "here"))
	}

	Label("flush")
	LEAQ(operand.Mem{Base: rN, Disp: -1}, RCX)
	ANDQ(operand.I32(-64), RCX)
	ADDQ(RCX, rDst)
	SUBQ(RCX, rN)
	copyBytes("out", rTailDst, rDst, rN, R10, Y0)
	LEAQ(g.scratch, rTailDst)
	VPXOR(Y0, Y0, Y0)
	VMOVDQU(Y0, operand.Mem{Base: rTailDst})
	VMOVDQU(Y0, operand.Mem{Base: rTailDst, Disp: 32})
	JMP(operand.LabelRef("flushed"))
}
