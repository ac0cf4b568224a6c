package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

// Layout of the table of powers for AVX2: as that for AVX-512, but each middle
// term twice.
const (
	ymmTurn     = 8           // vectors per turn
	ymmBlocks   = 2 * ymmTurn // blocks per turn
	ymmSegment  = 4           // turns per reduction, in all segments but the last
	ymmPowerNum = 88          // powers in the table
	ymmMid      = 16*ymmPowerNum + 32
)

func init() {
	if ymmPowerNum < (ymmSegment+1)*ymmBlocks+2 || ymmPowerNum%8 != 0 {
		panic("ymmPowerNum does not fit")
	}
}

var (
	yLo, yHi, yMiddle = Y8, Y9, Y10 // sums of the low, high and middle products
	yT                = [3]VecPhysical{Y11, Y12, Y13}
)

// hashY adds the products of a, which may be yT[0], and the powers of vector i.
func (s *seq) hashY(a VecPhysical, i int) {
	pow, mid := operand.Mem{Base: rPow, Disp: 32 * i}, operand.Mem{Base: rPow, Disp: 32*i + ymmMid}
	t := yT
	s.do(x86.VPSHUFD(imm(0x4e), a, t[1]))
	s.clmul(0x00, pow, a, t[2])
	s.do(x86.VPXOR(a, t[1], t[1]))
	s.clmul(0x11, pow, a, t[0])
	s.do(x86.VPXOR(t[2], yLo, yLo))
	s.clmul(0x00, mid, t[1], t[1])
	s.do(x86.VPXOR(t[0], yHi, yHi))
	s.do(x86.VPXOR(t[1], yMiddle, yMiddle))
}

// reduceY reduces the sums modulo the polynomial and adds the two lanes up: the
// hash is then in the lower half of yHi.
func reduceY() {
	t := yT
	VBROADCASTI128(cPoly, t[2])
	VPCLMULQDQ(imm(0x00), t[2], yLo, t[0])
	VPXOR(yLo, yMiddle, yMiddle)
	VPXOR(yHi, yMiddle, yMiddle)
	VPSHUFD(imm(0x4e), yLo, t[1])
	VPXOR(t[0], t[1], t[1])
	VPXOR(t[1], yMiddle, yMiddle)
	VPCLMULQDQ(imm(0x00), t[2], yMiddle, t[0])
	VPSHUFD(imm(0x4e), yMiddle, t[1])
	VPXOR(t[0], t[1], t[1])
	VPXOR(t[1], yHi, yHi)
	VEXTRACTI128(imm(1), yHi, t[0].AsX())
	VPXOR(t[0].AsX(), yHi.AsX(), yHi.AsX())
}

// dotY sets d to a*b, reduced, lane by lane. d may be a or b.
func dotY(a, b, d VecPhysical, t [3]VecPhysical, poly VecPhysical) {
	VPCLMULQDQ(imm(0x00), b, a, t[0])
	VPCLMULQDQ(imm(0x01), b, a, t[1])
	VPCLMULQDQ(imm(0x10), b, a, t[2])
	VPCLMULQDQ(imm(0x11), b, a, d)
	VPXOR(t[1], t[2], t[2])
	VPCLMULQDQ(imm(0x00), poly, t[0], t[1])
	VPSHUFD(imm(0x4e), t[0], t[0])
	VPXOR(t[1], t[2], t[2])
	VPXOR(t[0], t[2], t[2])
	VPCLMULQDQ(imm(0x00), poly, t[2], t[1])
	VPSHUFD(imm(0x4e), t[2], t[2])
	VPXOR(t[1], d, d)
	VPXOR(t[2], d, d)
}

// ymmPowers generates the function that fills the table of powers.
func ymmPowers() {
	TEXT("powersYMM", NOSPLIT, "func(tab *byte, sched *byte)")
	Doc("powersYMM fills the table of powers of the hash key in sched.")
	Pragma("noescape")
	Load(Param("tab"), RDI)
	Load(Param("sched"), RAX)
	ADDQ(operand.U32(16*ymmPowerNum), RDI)
	var (
		h1, by, poly = Y14, Y4, Y5
		v            = [4]VecPhysical{Y0, Y1, Y2, Y3}
		t            = [3]VecPhysical{Y6, Y7, Y8}
		u            = [3]VecPhysical{Y9, Y10, Y11}
	)
	VBROADCASTI128(cPoly, poly)
	VPXOR(t[0], t[0], t[0])
	VMOVDQU(t[0], operand.Mem{Base: RDI})
	VMOVDQU(t[0], operand.Mem{Base: RDI, Disp: ymmMid})
	VMOVDQU(operand.Mem{Base: RAX, Disp: keyHash}, h1.AsX())
	dotY(h1, h1, v[0], t, poly) // h2
	VINSERTI128(imm(1), v[0].AsX(), v[0], by)
	VINSERTI128(imm(1), h1.AsX(), v[0], v[0])
	dotY(v[0], by, v[1], t, poly) // h4, h3
	VINSERTI128(imm(1), v[1].AsX(), v[1], by)
	dotY(v[0], by, v[2], t, poly)
	dotY(v[1], by, v[3], u, poly)
	VINSERTI128(imm(1), v[3].AsX(), v[3], by) // h8
	MOVQ(operand.U32(ymmPowerNum/8-1), RCX)
	write := func() {
		for i := range v {
			VMOVDQU(v[i], operand.Mem{Base: RDI, Disp: -32 * (i + 1)})
			VPSHUFD(imm(0x4e), v[i], t[0])
			VPXOR(v[i], t[0], t[0])
			VMOVDQU(t[0], operand.Mem{Base: RDI, Disp: ymmMid - 32*(i+1)})
		}
	}
	Label("grow")
	write()
	SUBQ(operand.U32(128), RDI)
	for i := range v {
		dotY(v[i], by, v[i], [2][3]VecPhysical{t, u}[i%2], poly)
	}
	DECQ(RCX)
	JNZ(operand.LabelRef("grow"))
	write()
	clearY()
	RET()
}

// ymmHash generates the hash of additional data of any length.
func ymmHash() {
	TEXT("hashYMM", NOSPLIT, "func(tab *byte, hash *byte, p *byte, n int)")
	Doc("hashYMM goes on from a hash with p, padded with zeros to whole blocks.", "n must not be 0.")
	Pragma("noescape")
	Load(Param("tab"), R8)
	Load(Param("p"), rSrc)
	Load(Param("n"), rN)
	scratch := AllocLocal(32)
	carry := Y0
	Load(Param("hash"), RAX)
	VMOVDQU(operand.Mem{Base: RAX}, carry.AsX())
	VPSHUFB(cSwap, carry.AsX(), carry.AsX())
	vector := func() {
		VMOVDQU(operand.Mem{Base: rSrc}, yT[0])
		VPSHUFB(cSwap, yT[0], yT[0])
		VPXOR(carry, yT[0], yT[0])
		VPXOR(carry, carry, carry)
		var s seq
		s.hashY(yT[0], 0)
		s.emit()
	}

	Label("segment")
	for _, y := range []VecPhysical{yLo, yHi, yMiddle} {
		VPXOR(y, y, y)
	}
	LEAQ(operand.Mem{Base: rN, Disp: 15}, RAX)
	SHRQ(imm(4), RAX)
	CMPQ(RAX, operand.U32(64))
	JLS(operand.LabelRef("counted"))
	MOVQ(operand.U32(64), RAX)
	Label("counted")
	SHLQ(imm(4), RAX)
	LEAQ(operand.Mem{Base: R8, Disp: 16 * ymmPowerNum}, rPow)
	SUBQ(RAX, rPow)
	CMPQ(RAX, rN)
	CMOVQGT(rN, RAX) // bytes in this segment
	SUBQ(RAX, rN)
	Label("vectors")
	CMPQ(RAX, imm(32))
	JLO(operand.LabelRef("part"))
	vector()
	ADDQ(imm(32), rSrc)
	ADDQ(imm(32), rPow)
	SUBQ(imm(32), RAX)
	JMP(operand.LabelRef("vectors"))

	Label("part")
	TESTQ(RAX, RAX)
	JZ(operand.LabelRef("reduce"))
	VPXOR(Y1, Y1, Y1)
	VMOVDQU(Y1, scratch)
	LEAQ(scratch, R10)
	copyBytes("part", 16, rSrc, R10, RAX, R11, Y1)
	LEAQ(scratch, rSrc)
	vector()
	Label("reduce")
	reduceY()
	VMOVDQA(yHi.AsX(), carry.AsX())
	TESTQ(rN, rN)
	JNZ(operand.LabelRef("segment"))

	Load(Param("hash"), RAX)
	VPSHUFB(cSwap, yHi.AsX(), X0)
	VMOVDQU(X0, operand.Mem{Base: RAX})
	clearY()
	RET()
}
