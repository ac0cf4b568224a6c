package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
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

	rPow = RBX // the power for the first vector of data

	// In the tail rLeft and rTurns are used up.
	rTailSrc  = R9  // the last vector of text, or a copy of it
	rTailDst  = R12 // where it goes
	rTailMask = R13 // without masks: as many bytes of all ones, then zeros
)

// loadNonce loads a nonce, and zero for a counter, into x.
func loadNonce(disp int, x VecPhysical) {
	// Loads of four bytes: forwarded from whatever stores wrote the nonce.
	MOVL(operand.Mem{Base: RCX, Disp: disp}, R10.As32())
	MOVL(operand.Mem{Base: RCX, Disp: disp + 4}, EAX)
	SHLQ(imm(32), RAX)
	ORQ(RAX, R10)
	VMOVQ(R10, x)
	MOVL(operand.Mem{Base: RCX, Disp: disp + 8}, EAX)
	VPINSRQ(imm(1), RAX, x, x)
}

// lastSegment takes up all the blocks that are left, and the lengths.
func lastSegment() {
	MOVQ(operand.I32(-1), rLeft)
	LEAQ(operand.Mem{Base: rBlocks, Disp: 1}, RAX)
	SHLQ(imm(4), RAX)
	MOVQ(rEnd, rPow)
	SUBQ(RAX, rPow)
}

// fullSegment takes up n turns; they end at the first power, at offset end.
func fullSegment(n, blocks, end int) {
	MOVQ(operand.U32(uint32(n)), rLeft)
	Load(Param("tab"), rPow)
	ADDQ(operand.U32(uint32(end-16*blocks*n)), rPow)
}

// choose jumps to the code for the number of vectors that RAX tells, size
// bytes for each but the first.
func choose(label string, size, lo, hi int) {
	if lo == hi {
		JMP(operand.LabelRef(fmt.Sprintf("%s%d", label, lo)))
		return
	}
	mid := (lo + hi + 1) / 2
	upper := fmt.Sprintf("%sfrom%d", label, mid)
	if mid == hi {
		upper = fmt.Sprintf("%s%d", label, hi)
	}
	CMPQ(RAX, operand.U32(uint32(size*(mid-1))))
	JHS(operand.LabelRef(upper))
	choose(label, size, lo, mid-1)
	if mid < hi {
		Label(upper)
		choose(label, size, mid, hi)
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

// partLengths prepares what begins with the counters for a part of a record:
// its counters start at the number of blocks before it, its lengths are those
// of the whole record. The mode is in rBlocks.
func partLengths() {
	Load(Param("seedLen"), RCX)
	MOVQ(rBlocks, R10)
	SHRQ(imm(32), R10)
	MOVQ(R10, RAX)
	SHLQ(imm(4), RAX)
	ADDQ(rN, RAX)
	SHLQ(imm(3), RAX)
	VMOVQ(RAX, X8)
	MOVQ(RCX, RAX)
	SHLQ(imm(3), RAX)
	VPINSRQ(imm(1), RAX, X8, X8)
	BSWAPL(R10.As32())
	SHLQ(imm(32), R10)
	VMOVQ(R10, X9)
	VPSLLDQ(imm(8), X9, X9)
	VPXOR(X9, X0, X0)
	VPXOR(X9, X1, X1)
	Load(Param("seed"), R10)
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
}

// chunkLength seals or opens the length of a chunk, under the encrypted counter
// blocks in X2, for the tag, and X3, for the text. It leaves X0 and X1 alone,
// and goes on as a record without additional data.
func chunkLength(open bool, swap operand.Op, clear func()) {
	VMOVD(X3, EAX)
	if open {
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
	// The hash of one block of text, and the lengths.
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
	VPXOR(Y5, Y6, Y6)
	VPXOR(Y7, Y6, Y6)
	VPCLMULQDQ(imm(0x00), Y4, Y6, Y7)
	VPSHUFD(imm(0x4e), Y6, Y6)
	VPXOR(Y6, Y8, Y8)
	VPXOR(Y7, Y8, Y8)
	VEXTRACTI128(imm(1), Y8, X5)
	VPXOR(X5, X8, X8)
	VPSHUFB(swap, X8, X8)
	VPXOR(X2, X8, X8)
	if open {
		VPXOR(operand.Mem{Base: rSrc, Disp: 2}, X8, X8)
		VPTEST(X8, X8)
		JNE(operand.LabelRef("badlength"))
		Store(rN, ReturnIndex(0))
		Load(Param("seedLen"), RAX) // the limit, which may be negative
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
	JMP(operand.LabelRef("counters"))
	if !open {
		return
	}
	Label("badlength")
	MOVL(operand.U32(badLength), EAX)
	JMP(operand.LabelRef("nopayload"))
	Label("lengthonly")
	XORL(EAX, EAX)
	Label("nopayload")
	Store(RAX, ReturnIndex(1))
	clear()
	RET()
}

// clearZ leaves no secret in a vector register, nor the upper parts in use.
func clearZ() {
	for _, z := range []VecPhysical{Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31} {
		VPXORQ(z.AsX(), z.AsX(), z.AsX())
	}
	clearY()
}

func clearY() {
	for _, x := range []VecPhysical{X0, X1, X2, X3, X4, X5, X6, X7, X8, X9, X10, X11, X12, X13, X14, X15} {
		VPXOR(x, x, x)
	}
	VZEROUPPER()
}

// copyBytes copies n bytes, less than twice most. It changes all its registers
// but n.
func copyBytes(label string, most int, from, to, n, word, vec Register) {
	src, dst := operand.Mem{Base: from}, operand.Mem{Base: to}
	for _, size := range []int{32, 16, 8, 4, 2, 1} {
		if size > most {
			continue
		}
		next := fmt.Sprint(label, size)
		TESTQ(operand.U32(uint32(size)), n)
		JZ(operand.LabelRef(next))
		w := word.(GPPhysical)
		switch size {
		case 32:
			VMOVDQU(src, vec)
			VMOVDQU(vec, dst)
		case 16:
			VMOVDQU(src, vec.(VecPhysical).AsX())
			VMOVDQU(vec.(VecPhysical).AsX(), dst)
		case 8:
			MOVQ(src, w.As64())
			MOVQ(w.As64(), dst)
		case 4:
			MOVL(src, w.As32())
			MOVL(w.As32(), dst)
		case 2:
			MOVW(src, w.As16())
			MOVW(w.As16(), dst)
		case 1:
			MOVB(src, w.As8())
			MOVB(w.As8(), dst)
		}
		if size > 1 {
			ADDQ(imm(size), from)
			ADDQ(imm(size), to)
		}
		Label(next)
	}
}
