package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

// Poly1305 in limbs of 44, 44 and 42 bits, one block per lane. Eight
// registers are enough beside a pass: all else is in the frame.
var (
	lo   = z[24:27]
	hi   = z[27:30]
	t, u = z[30], z[31]
)

// A multiplier says where r0, r1, r2, 20 r1, 20 r2 of a power are.
type multiplier func(s *stream, part int, high bool, x, acc vec)

// broadcast is one power for all lanes, 40 bytes at base+off.
func broadcast(base reg.Register, off int) multiplier {
	return func(s *stream, part int, high bool, x, acc vec) {
		if high {
			s.op(x86.VPMADD52HUQ_BCST(mem(base, off+8*part), x, acc))
		} else {
			s.op(x86.VPMADD52LUQ_BCST(mem(base, off+8*part), x, acc))
		}
	}
}

// window is eight powers, a lane each, in rows from base+off.
func window(base reg.Register, off int) multiplier {
	return func(s *stream, part int, high bool, x, acc vec) {
		if high {
			s.op(x86.VPMADD52HUQ(mem(base, off+winRow*part), x, acc))
		} else {
			s.op(x86.VPMADD52LUQ(mem(base, off+winRow*part), x, acc))
		}
	}
}

// madd adds limb i of a number, in x, times m.
func (s *stream) madd(i int, x vec, m multiplier) {
	part := [3][3]int{{0, 1, 2}, {4, 0, 1}, {3, 4, 0}}[i]
	for k := range 3 {
		m(s, part[k], false, x, lo[k])
		m(s, part[k], true, x, hi[k])
	}
}

func (s *stream) zero(v ...vec) {
	for _, v := range v {
		s.op(x86.VPXORD(v, v, v))
	}
}

// accumulated adds the accumulator times m.
func (s *stream) accumulated(m multiplier) {
	for i, x := range []vec{t, u, t} {
		s.op(x86.VMOVDQA64(at(oAcc+64*i), x))
		s.madd(i, x, m)
	}
}

// group adds the 128 bytes at p, times m or as they are. The order of blocks
// within a group is VPUNPCK's: 0, 4, 1, 5, 2, 6, 3, 7.
func (s *stream) group(p reg.Register, off int, m multiplier) {
	add := func(i int, x vec) {
		if m == nil {
			s.op(x86.VPADDQ(x, lo[i], lo[i]))
		} else {
			s.madd(i, x, m)
		}
	}
	s.op(x86.VMOVDQU64(mem(p, off), t))
	s.op(x86.VPUNPCKLQDQ(mem(p, off+64), t, t))
	s.op(x86.VPANDQ_BCST(kMask44, t, u))
	add(0, u)
	s.op(x86.VMOVDQU64(mem(p, off), u))
	s.op(x86.VPUNPCKHQDQ(mem(p, off+64), u, u))
	s.op(x86.VPSHRDQ(imm8(44), u, t, t))
	s.op(x86.VPANDQ_BCST(kMask44, t, t))
	add(1, t)
	s.op(x86.VPSHRDQ_BCST(imm8(24), kOne, u, u)) // with the bit beyond the block
	add(2, u)
}

// carry reduces lo + 2^52 hi to limbs that may be multiplied again, in lo.
// All three carries move at once; KERNEL.md has the bounds.
func (s *stream) carry() {
	s.op(x86.VPSLLQ(imm8(8), hi[1], hi[1]))
	s.op(x86.VPSLLQ(imm8(12), hi[2], t))
	s.op(x86.VPSLLQ(imm8(10), hi[2], hi[2]))
	s.op(x86.VPSLLQ(imm8(8), hi[0], hi[0]))
	s.op(x86.VPADDQ(hi[1], lo[2], lo[2]))
	s.op(x86.VPADDQ(t, lo[0], lo[0]))
	s.op(x86.VPADDQ(hi[0], lo[1], lo[1]))
	s.op(x86.VPADDQ(hi[2], lo[0], lo[0]))
	s.op(x86.VPSRLQ(imm8(42), lo[2], t))
	s.op(x86.VPANDQ_BCST(kMask42, lo[2], lo[2]))
	s.op(x86.VPSRLQ(imm8(44), lo[1], u))
	s.op(x86.VPANDQ_BCST(kMask44, lo[1], lo[1]))
	s.op(x86.VPSLLQ(imm8(2), t, hi[0]))
	s.op(x86.VPADDQ(u, lo[2], lo[2]))
	s.op(x86.VPSRLQ(imm8(44), lo[0], hi[1]))
	s.op(x86.VPANDQ_BCST(kMask44, lo[0], lo[0]))
	s.op(x86.VPADDQ(t, hi[0], hi[0]))
	s.op(x86.VPADDQ(hi[1], lo[1], lo[1]))
	s.op(x86.VPADDQ(hi[0], lo[0], lo[0]))
}

func (s *stream) keep() {
	for i := range 3 {
		s.op(x86.VMOVDQA64(lo[i], at(oAcc+64*i)))
	}
}

// step hashes passMul groups from rP.
func step() stream {
	var s stream
	s.zero(lo...)
	s.zero(hi...)
	s.accumulated(broadcast(rB, oMul+40*(passMul-1)))
	for g := range passMul - 1 {
		s.group(rP, 128*g, broadcast(rB, oMul+40*(passMul-2-g)))
	}
	s.group(rP, 128*(passMul-1), nil)
	s.carry()
	s.keep()
	return s
}

// hash is a function that hashes rG groups from rP, beside live Z0 to Z23.
func hash() {
	c.Function("hash")
	c.Doc("hash is called from assembly only: Poly1305 over groups of 128 bytes.")
	c.Attributes(attr.NOSPLIT | attr.NOFRAME)
	c.SignatureExpr("func()")
	c.TESTQ(rG, rG)
	c.JZ(operand.LabelRef("none"))
	align()
	c.Label("reduction")
	c.MOVQ(at(oMost), reg.RAX)
	c.CMPQ(rG, reg.RAX)
	c.CMOVQLT(rG, reg.RAX)
	c.SUBQ(reg.RAX, rG)
	c.LEAQ(operand.Mem{Base: reg.RAX, Index: reg.RAX, Scale: 4}, reg.RCX)
	c.LEAQ(operand.Mem{Base: rB, Index: reg.RCX, Scale: 8, Disp: oMul - 40}, rMul)
	var s stream
	s.zero(lo...)
	s.zero(hi...)
	s.emit()
	c.CMPQ(at(oNew), imm8(0))
	c.JNE(operand.LabelRef("new"))
	s = nil
	s.accumulated(broadcast(rMul, 0))
	s.emit()
	c.Label("new")
	c.MOVQ(i32(0), at(oNew))
	c.DECQ(reg.RAX)
	c.JZ(operand.LabelRef("last"))
	align()
	c.Label("next")
	c.SUBQ(imm8(40), rMul)
	s = nil
	s.group(rP, 0, broadcast(rMul, 0))
	s.emit()
	c.ADDQ(i32(128), rP)
	c.DECQ(reg.RAX)
	c.JNZ(operand.LabelRef("next"))
	c.Label("last")
	s = nil
	s.group(rP, 0, nil)
	s.carry()
	s.keep()
	s.emit()
	c.ADDQ(i32(128), rP)
	c.TESTQ(rG, rG)
	c.JNZ(operand.LabelRef("reduction"))
	c.Label("none")
	c.RET()
}

// final adds up: the accumulator and the tail times their powers, and the
// block of lengths. It leaves the sum in h. While its last operations wait for
// one another, it wipes what is secret from the frame, but for s.
func final() {
	wipe(0, oWin)
	c.MOVQ(at(oLast), reg.RAX)
	c.NEGQ(reg.RAX)
	c.LEAQ(operand.Mem{Base: rB, Index: reg.RAX, Scale: 8, Disp: oWin + 8*(maxPower-9)}, rMul)
	var s stream
	for i := range 3 {
		s.op(x86.VMOVQ(at(oLength+8*i), lo[i].AsX()))
	}
	s.zero(hi...)
	for i := range 3 {
		s.op(x86.VMOVDQA64(at(oTail+64*i), z[i]))
		s.madd(i, z[i], window(rMul, 64))
	}
	s.op(x86.VMOVDQU64(kOrder, z[3]))
	for i := range 3 {
		s.op(x86.VPERMQ(at(oAcc+64*i), z[3], z[i]))
		s.madd(i, z[i], window(rMul, 0))
	}
	s.emit()
	wipe(oWin, oKeyS)
	wipe(oKeyS+16, frame)
	s = nil
	s.carry()
	for i, x := range lo {
		s.op(x86.VEXTRACTI64X4(imm8(1), x, z[i].AsY()))
		s.op(x86.VPADDQ(z[i].AsY(), x.AsY(), z[i].AsY()))
	}
	for i := range 3 {
		s.op(x86.VEXTRACTI128(imm8(1), z[i].AsY(), z[4+i].AsX()))
		s.op(x86.VPADDQ(z[4+i].AsX(), z[i].AsX(), z[i].AsX()))
	}
	for i := range 3 {
		s.op(x86.VPSHUFD(imm8(0xee), z[i].AsX(), z[4+i].AsX()))
		s.op(x86.VPADDQ(z[4+i].AsX(), z[i].AsX(), z[i].AsX()))
	}
	for i, r := range h {
		s.op(x86.VMOVQ(z[i].AsX(), r))
	}
	s.emit()
	// h0 + 2^44 h1 + 2^88 h2, the limbs below 2^49, to words of 64 bits.
	c.MOVQ(h[1], reg.RAX)
	c.SHLQ(imm8(44), reg.RAX)
	c.SHRQ(imm8(20), h[1])
	c.MOVQ(h[2], reg.RCX)
	c.SHLQ(imm8(24), reg.RCX)
	c.SHRQ(imm8(40), h[2])
	c.ADDQ(reg.RAX, h[0])
	c.ADCQ(reg.RCX, h[1])
	c.ADCQ(imm8(0), h[2])
	emit(func(s *stream) { s.fold(h[2], reg.RAX, reg.RCX) })
}

// wipe clears a part of the frame. It uses Z8.
func wipe(from, to int) {
	c.VPXORD(z[8], z[8], z[8])
	for ; from+64 <= to; from += 64 {
		c.VMOVDQU64(z[8], at(from))
	}
	for ; from+16 <= to; from += 16 {
		c.VMOVDQU(z[8].AsX(), at(from))
	}
}

// poly is a function for tests: Poly1305 alone, as record does it, of groups of
// 128 bytes after any accumulator, under any key.
func poly() {
	c.Function("poly")
	c.Doc("poly hashes src after state under the 32 bytes of key, for tests.")
	c.Pragma("noescape")
	c.SignatureExpr("func(a *byte)")
	enter(frame)
	c.Load(c.Param("a"), reg.R14)
	c.MOVQ(arg(argKey), reg.R15)
	c.VMOVDQU(mem(reg.R15, 16), reg.X0)
	c.VMOVDQU(reg.X0, at(oKeyS))
	c.VPXORD(z[0], z[0], z[0])
	for i := range 5 {
		c.VMOVDQU64(z[0], at(oWin+winRow*i+8*maxPower))
	}
	for i := range 3 {
		c.VMOVDQA64(z[0], at(oTail+64*i))
	}
	c.MOVQ(i32(0), at(oLast))
	c.MOVQ(mem(reg.R15, 0), reg.RAX)
	c.MOVQ(mem(reg.R15, 8), reg.RDX)
	append(keyLimbs(), powers(maxMul)...).emit()
	c.MOVQ(i32(maxMul), at(oMost))
	c.MOVQ(i32(0), at(oNew))
	c.Load(c.Param("a"), reg.R14)
	lengths()
	c.Load(c.Param("a"), reg.R14)
	c.MOVQ(arg(argState), reg.RAX)
	for i := range 3 {
		c.VMOVDQU64(mem(reg.RAX, 64*i), z[i])
		c.VMOVDQA64(z[i], at(oAcc+64*i))
	}
	c.MOVQ(arg(argSrc), rP)
	c.MOVQ(arg(argN), rG)
	c.SHRQ(imm8(7), rG)
	call("hash")
	final()
	finish(at(oKeyS), at(oKeyS+8))
	c.MOVQ(h[1], reg.R8)
	c.Load(c.Param("a"), reg.R14)
	handOver(h[0], reg.R8, "poly")
	clearVectors()
	c.RET()
}
