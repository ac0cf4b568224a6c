package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

// Layout of the table of powers, per key: powers of the hash key in descending
// order, 16 bytes each, the first power last, then some slack, for vectors that
// reach beyond it; the same again for the middle terms of Karatsuba's method.
// The middle term of power k is the exclusive or of its halves. Beside it, in
// the upper half, is that of power k-4: two vectors of data share one of terms.
const (
	zmmTurn     = 8           // vectors per turn
	zmmBlocks   = 4 * zmmTurn // blocks per turn
	zmmSegment  = 3           // turns per reduction, in all segments but the last
	zmmPowerNum = 100         // powers in the table: of a last segment, additional data, lengths
	zmmLast     = zmmPowerNum - 2
	zmmMid      = 16*zmmPowerNum + 64
	zmmTable    = 2 * zmmMid
)

func init() {
	if zmmLast < zmmSegment*zmmBlocks || zmmPowerNum%16 != 4 {
		panic("zmmPowerNum does not fit")
	}
}

var (
	zSwap             = Z23
	zLo, zHi, zMiddle = Z16, Z17, Z18 // sums of the low, high and middle products
	zT                = [4]VecPhysical{Z19, Z20, Z21, Z22}
	zData             = [zmmTurn]VecPhysical{Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15}
)

func power(i int) operand.Mem  { return operand.Mem{Base: rPow, Disp: 64 * i} }
func middle(i int) operand.Mem { return operand.Mem{Base: rPow, Disp: 64*i + zmmMid} }

// clmul multiplies half (i&1) of a by half (i>>4) of b.
func (s *seq) clmul(i int, b, a, d operand.Op) { s.do(x86.VPCLMULQDQ(imm(i), b, a, d)) }

func (s *seq) xor3(a, b, d operand.Op) { s.do(x86.VPTERNLOGQ(imm(ternXor3), a, b, d)) }

func (s *seq) hashPair(i int) {
	a, b, t := zData[i], zData[i+1], zT
	s.clmul(0x00, power(i), a, t[0])
	s.clmul(0x00, power(i+1), b, t[1])
	s.do(x86.VPUNPCKLQDQ(b, a, t[2]))
	s.do(x86.VPUNPCKHQDQ(b, a, t[3]))
	s.xor3(t[1], t[0], zLo)
	s.do(x86.VPXORQ(t[2], t[3], t[2]))
	s.clmul(0x11, power(i), a, t[0])
	s.clmul(0x11, power(i+1), b, t[1])
	s.clmul(0x00, middle(i), t[2], t[3])
	s.xor3(t[1], t[0], zHi)
	s.clmul(0x11, middle(i), t[2], t[2])
	s.xor3(t[2], t[3], zMiddle)
}

func (s *seq) hashSingle(i int) {
	a, t := zData[i], zT
	s.do(x86.VPSHUFD(imm(0x4e), a, t[2]))
	s.clmul(0x00, power(i), a, t[0])
	s.do(x86.VPXORQ(a, t[2], t[2]))
	s.clmul(0x11, power(i), a, t[1])
	s.do(x86.VPXORQ(t[0], zLo, zLo))
	s.clmul(0x00, middle(i), t[2], t[2])
	s.do(x86.VPXORQ(t[1], zHi, zHi))
	s.do(x86.VPXORQ(t[2], zMiddle, zMiddle))
}

// hash adds the products of n vectors of data and their powers. The first
// vector comes last: what a reduction yields is added to it.
func (s *seq) hash(n int) {
	for i := 2; i < n; i += 2 {
		if i+1 < n {
			s.hashPair(i)
		} else {
			s.hashSingle(i)
		}
	}
	switch {
	case n > 1:
		s.hashPair(0)
	case n == 1:
		s.hashSingle(0)
	}
}

// multiply sets or adds to the sums the products of a and b, lane by lane.
func (s *seq) multiply(a, b VecPhysical, add bool) {
	t := zT
	s.do(x86.VPSHUFD(imm(0x4e), a, t[2]))
	s.do(x86.VPSHUFD(imm(0x4e), b, t[3]))
	s.do(x86.VPXORQ(a, t[2], t[2]))
	s.do(x86.VPXORQ(b, t[3], t[3]))
	if !add {
		s.clmul(0x00, b, a, zLo)
		s.clmul(0x11, b, a, zHi)
		s.clmul(0x00, t[3], t[2], zMiddle)
		return
	}
	s.clmul(0x00, b, a, t[0])
	s.clmul(0x11, b, a, t[1])
	s.clmul(0x00, t[3], t[2], t[2])
	s.do(x86.VPXORQ(t[0], zLo, zLo))
	s.do(x86.VPXORQ(t[1], zHi, zHi))
	s.do(x86.VPXORQ(t[2], zMiddle, zMiddle))
}

// reduce reduces the sums modulo the polynomial and adds the four lanes up:
// the hash is then in the lowest of zHi, and the others are zero.
func (s *seq) reduce() {
	t := zT
	s.do(x86.VBROADCASTI32X4(cPoly, t[3]))
	s.clmul(0x00, t[3], zLo, t[0])
	s.xor3(zLo, zHi, zMiddle)
	s.do(x86.VPSHUFD(imm(0x4e), zLo, t[1]))
	s.xor3(t[1], t[0], zMiddle)
	s.clmul(0x00, t[3], zMiddle, t[0])
	s.do(x86.VPSHUFD(imm(0x4e), zMiddle, t[1]))
	s.xor3(t[1], t[0], zHi)
	s.do(x86.VEXTRACTI64X4(imm(1), zHi, t[0].AsY()))
	s.do(x86.VPXORQ(t[0].AsY(), zHi.AsY(), zHi.AsY()))
	s.do(x86.VEXTRACTI32X4(imm(1), zHi.AsY(), t[0].AsX()))
	s.do(x86.VPXORQ(t[0].AsX(), zHi.AsX(), zHi.AsX()))
}

// dot sets d to a*b, reduced, lane by lane. d may be a or b.
func dot(a, b, d VecPhysical, t [4]VecPhysical, poly VecPhysical) {
	VPCLMULQDQ(imm(0x00), b, a, t[0])
	VPCLMULQDQ(imm(0x01), b, a, t[1])
	VPCLMULQDQ(imm(0x10), b, a, t[2])
	VPCLMULQDQ(imm(0x11), b, a, d)
	VPXORQ(t[1], t[2], t[2])
	VPCLMULQDQ(imm(0x00), poly, t[0], t[1])
	VPSHUFD(imm(0x4e), t[0], t[0])
	VPTERNLOGQ(imm(ternXor3), t[0], t[1], t[2])
	VPCLMULQDQ(imm(0x00), poly, t[2], t[1])
	VPSHUFD(imm(0x4e), t[2], t[2])
	VPTERNLOGQ(imm(ternXor3), t[1], t[2], d)
}

// zmmPowers generates the function that fills the table of powers.
func zmmPowers() {
	TEXT("powersZMM", NOSPLIT, "func(tab *byte, sched *byte)")
	Doc("powersZMM fills the table of powers of the hash key in sched.")
	Pragma("noescape")
	Load(Param("tab"), RDI)
	Load(Param("sched"), RAX)
	ADDQ(operand.U32(16*zmmPowerNum), RDI)
	var (
		h1, h2, pair, base = Z0, Z1, Z2, Z4
		by, poly, zero     = Z3, Z31, Z30
		v                  = [4]VecPhysical{Z5, Z6, Z7, Z8}
		last               = Z9
		t                  = [4]VecPhysical{Z16, Z17, Z18, Z19}
		u                  = [4]VecPhysical{Z20, Z21, Z22, Z23}
	)
	VBROADCASTI32X4(cPoly, poly)
	VPXORQ(zero, zero, zero)
	VMOVDQU64(zero, operand.Mem{Base: RDI})
	VMOVDQU64(zero, operand.Mem{Base: RDI, Disp: zmmMid})
	store := func(k, lower VecPhysical, i int) { // vector i from the end; lower has the four powers below
		VMOVDQU64(k, operand.Mem{Base: RDI, Disp: -64 * (i + 1)})
		VPUNPCKLQDQ(lower, k, Z24)
		VPUNPCKHQDQ(lower, k, Z25)
		VPXORQ(Z24, Z25, Z24)
		VMOVDQU64(Z24, operand.Mem{Base: RDI, Disp: zmmMid - 64*(i+1)})
	}
	VMOVDQU(operand.Mem{Base: RAX, Disp: keyHash}, h1.AsX())
	dot(h1, h1, h2, t, poly)
	VINSERTI32X4(imm(1), h1.AsX(), h2, pair)
	VSHUFI64X2(imm(0), h2, h2, by)
	dot(pair, by, base, t, poly) // h4, h3
	VINSERTI64X4(imm(1), pair.AsY(), base, base)
	store(base, zero, 0)
	VSHUFI64X2(imm(0), base, base, by) // h4
	dot(base, by, v[0], t, poly)
	VSHUFI64X2(imm(0), v[0], v[0], by) // h8
	dot(base, by, v[1], t, poly)
	dot(v[0], by, v[2], u, poly)
	dot(v[1], by, v[3], t, poly)
	VMOVDQA64(base, last)
	VSHUFI64X2(imm(0), v[2], v[2], by) // h16
	SUBQ(imm(64), RDI)
	MOVQ(operand.U32((zmmPowerNum-20)/16), RCX)
	Label("grow")
	write := func() {
		for i := range v {
			lower := last
			if i > 0 {
				lower = v[i-1]
			}
			store(v[i], lower, i)
		}
	}
	write()
	VMOVDQA64(v[3], last)
	SUBQ(operand.U32(256), RDI)
	for i := range v {
		dot(v[i], by, v[i], [2][4]VecPhysical{t, u}[i%2], poly)
	}
	DECQ(RCX)
	JNZ(operand.LabelRef("grow"))
	write()
	clearZ()
	RET()
}

// zmmHash generates the hash of additional data of any length.
func zmmHash() {
	TEXT("hashZMM", NOSPLIT, "func(tab *byte, hash *byte, p *byte, n int)")
	Doc("hashZMM goes on from a hash with p, padded with zeros to whole blocks.", "n must not be 0.")
	Pragma("noescape")
	Load(Param("tab"), R8)
	Load(Param("p"), rSrc)
	Load(Param("n"), rN)
	VBROADCASTI32X4(cSwap, zSwap)
	scratch := AllocLocal(64)
	carry := Z0
	Load(Param("hash"), RAX)
	VMOVDQU(operand.Mem{Base: RAX}, carry.AsX())
	VPSHUFB(zSwap.AsX(), carry.AsX(), carry.AsX())
	zero := func() {
		for _, z := range []VecPhysical{zLo, zHi, zMiddle} {
			VPXORQ(z, z, z)
		}
	}
	vector := func() {
		VMOVDQU64(operand.Mem{Base: rSrc}, zData[0])
		VPSHUFB(zSwap, zData[0], zData[0])
		VPXORQ(carry, zData[0], zData[0])
		VPXORQ(carry, carry, carry)
		var s seq
		s.hashSingle(0)
		s.emit()
	}

	Label("segment")
	zero()
	MOVQ(rN, RAX)
	ADDQ(imm(15), RAX)
	SHRQ(imm(4), RAX)
	CMPQ(RAX, operand.U32(64))
	JLS(operand.LabelRef("counted"))
	MOVQ(operand.U32(64), RAX)
	Label("counted")
	SHLQ(imm(4), RAX)
	LEAQ(operand.Mem{Base: R8, Disp: 16 * zmmPowerNum}, rPow)
	SUBQ(RAX, rPow)
	CMPQ(RAX, rN)
	CMOVQGT(rN, RAX) // bytes in this segment
	SUBQ(RAX, rN)
	Label("vectors")
	CMPQ(RAX, imm(64))
	JLO(operand.LabelRef("part"))
	vector()
	ADDQ(imm(64), rSrc)
	ADDQ(imm(64), rPow)
	SUBQ(imm(64), RAX)
	JMP(operand.LabelRef("vectors"))

	Label("part")
	TESTQ(RAX, RAX)
	JZ(operand.LabelRef("reduce"))
	// A masked access is slow if the bytes it leaves out are on a page that
	// is not there: so the rest is copied first.
	VPXORQ(Z1, Z1, Z1)
	VMOVDQU64(Z1, scratch)
	LEAQ(scratch, R10)
	MOVQ(RAX, RCX)
	copyBytes("part", 32, rSrc, R10, RCX, R11, Y1)
	LEAQ(scratch, rSrc)
	vector()
	Label("reduce")
	var s seq
	s.reduce()
	s.do(x86.VMOVDQA64(zHi, carry))
	s.emit()
	TESTQ(rN, rN)
	JNZ(operand.LabelRef("segment"))

	Load(Param("hash"), RAX)
	VPSHUFB(zSwap.AsX(), zHi.AsX(), X0)
	VMOVDQU(X0, operand.Mem{Base: RAX})
	clearZ()
	RET()
}
