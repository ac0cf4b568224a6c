package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

// Poly1305 in general registers: words of 64 bits for single blocks, limbs of
// 44 bits for the powers of r.

const (
	clampLow  = 0x0ffffffc0fffffff
	clampHigh = 0x0ffffffc0ffffffc
)

var (
	h      = []reg.GPPhysical{reg.R13, reg.R14, reg.R15} // a sum, the last word small
	r0, r1 = reg.R8, reg.R9
	s1     = reg.R10 // r1 + r1/4
)

// limb is where a part of r^k lies: r0, r1, r2, 20 r1, 20 r2.
func limb(k, part int) operand.Mem {
	if k >= 8 && k%8 == 0 {
		return at(oMul + 40*(k/8-1) + 8*part)
	}
	return at(oWin + winRow*part + 8*(maxPower-k))
}

// keyLimbs takes r, clamped in RAX and RDX.
func keyLimbs() stream {
	var s stream
	s.op(x86.MOVQ(reg.RAX, at(oKeyR)))
	s.op(x86.MOVQ(reg.RDX, at(oKeyR+8)))
	s.op(x86.MOVQ(reg.RAX, r0))
	s.op(x86.MOVQ(reg.RDX, r1))
	s.quartered()
	s.op(x86.MOVQ(r0, h[0]))
	s.op(x86.MOVQ(r1, h[1]))
	s.op(x86.XORL(h[2].As32(), h[2].As32()))
	return s
}

// row stores three limbs of r^k.
func (s *stream) row(k int, limbs ...reg.Register) {
	for i, l := range limbs {
		s.op(x86.MOVQ(l, at(oWin+winRow*i+8*(maxPower-k))))
	}
}

// store stores r^k, where k is a multiple of 8; it spoils the limbs.
func (s *stream) store(k int, limbs ...reg.Register) {
	for i, l := range limbs {
		s.op(x86.MOVQ(l, limb(k, i)))
	}
	for i, l := range limbs[1:] {
		s.op(x86.IMUL3Q(imm8(20), l, l))
		s.op(x86.MOVQ(l, limb(k, 3+i)))
	}
}

// multiply stores r^(a+b).
func (s *stream) multiply(a, b int) {
	d := [3][2]reg.Register{{reg.RSI, reg.RDI}, {reg.R8, reg.R9}, {reg.R10, reg.R11}}
	for i := range 3 {
		s.op(x86.MOVQ(limb(a, i), reg.RDX))
		for k := range 3 {
			part := [3][3]int{{0, 1, 2}, {4, 0, 1}, {3, 4, 0}}[i][k]
			if i == 0 {
				s.op(x86.MULXQ(limb(b, part), d[k][0], d[k][1]))
				continue
			}
			s.op(x86.MULXQ(limb(b, part), reg.RAX, reg.RCX))
			s.op(x86.ADDQ(reg.RAX, d[k][0]))
			s.op(x86.ADCQ(reg.RCX, d[k][1]))
		}
	}
	m44, m42 := reg.R12, reg.R13
	s.op(x86.MOVQ(reg.RSI, reg.R14))
	s.op(x86.ANDQ(m44, reg.R14))
	s.op(x86.SHRQ(imm8(44), reg.RDI, reg.RSI))
	s.op(x86.ADDQ(reg.RSI, reg.R8))
	s.op(x86.ADCQ(imm8(0), reg.R9))
	s.op(x86.MOVQ(reg.R8, reg.RSI))
	s.op(x86.ANDQ(m44, reg.RSI))
	s.op(x86.SHRQ(imm8(44), reg.R9, reg.R8))
	s.op(x86.ADDQ(reg.R8, reg.R10))
	s.op(x86.ADCQ(imm8(0), reg.R11))
	s.op(x86.MOVQ(reg.R10, reg.R8))
	s.op(x86.ANDQ(m42, reg.R8))
	s.op(x86.SHRQ(imm8(42), reg.R11, reg.R10))
	s.op(x86.LEAQ(operand.Mem{Base: reg.R10, Index: reg.R10, Scale: 4}, reg.R10))
	s.op(x86.ADDQ(reg.R10, reg.R14))
	s.op(x86.MOVQ(reg.R14, reg.RDI))
	s.op(x86.SHRQ(imm8(44), reg.RDI))
	s.op(x86.ANDQ(m44, reg.R14))
	s.op(x86.ADDQ(reg.RDI, reg.RSI))
	s.store(a+b, reg.R14, reg.RSI, reg.R8)
}

// multiplyReady loads what multiply expects in R12 and R13.
func (s *stream) multiplyReady() {
	s.op(x86.MOVQ(operand.U64(1<<44-1), reg.R12))
	s.op(x86.MOVQ(operand.U64(1<<42-1), reg.R13))
}

// multipliers makes the powers of r in steps of 8.
func (s *stream) multipliers(from, to int) {
	s.multiplyReady()
	for k := from; k <= to; k += 8 {
		half := k / 16 * 8
		s.multiply(k-half, half)
	}
}

// powers fills the windows, and most multipliers.
func powers(most int) stream {
	var s stream
	mask, b, d := reg.RSI, reg.RDI, reg.RBP
	s.op(x86.MOVQ(operand.U64(1<<44-1), mask))
	for k := 1; k <= 9; k++ {
		if k > 1 {
			s.times()
		}
		a := reg.RAX
		s.op(x86.MOVQ(h[0], a))
		s.op(x86.ANDQ(mask, a))
		s.op(x86.MOVQ(h[0], b))
		s.op(x86.SHRQ(imm8(44), h[1], b))
		s.op(x86.ANDQ(mask, b))
		s.op(x86.MOVQ(h[1], d))
		s.op(x86.SHRQ(imm8(24), h[2], d))
		s.row(k, a, b, d)
		switch k {
		case 1:
			s.op(x86.IMUL3Q(imm8(20), b, b))
			s.op(x86.IMUL3Q(imm8(20), d, d))
			s.op(x86.MOVQ(b, at(oWin+winRow*3+8*(maxPower-1))))
			s.op(x86.MOVQ(d, at(oWin+winRow*4+8*(maxPower-1))))
		case 8:
			s.store(8, a, b, d)
		}
	}
	s.multipliers(16, 8*most)

	// r^17 ... r^10 are r^9 ... r^2 times r^8; all of them need their 20 r1
	// and 20 r2.
	s.zero(lo...)
	s.zero(hi...)
	for i, x := range []vec{t, u, t} {
		s.op(x86.VMOVDQU64(at(oWin+winRow*i+64), x))
		s.madd(i, x, broadcast(rB, oMul))
	}
	s.carry()
	twenty := func(x, y vec, off int) {
		s.op(x86.VPSLLQ(imm8(2), x, t))
		s.op(x86.VPSLLQ(imm8(2), y, u))
		s.op(x86.VPADDQ(x, t, t))
		s.op(x86.VPADDQ(y, u, u))
		s.op(x86.VPSLLQ(imm8(2), t, t))
		s.op(x86.VPSLLQ(imm8(2), u, u))
		s.op(x86.VMOVDQU64(t, at(oWin+winRow*3+off)))
		s.op(x86.VMOVDQU64(u, at(oWin+winRow*4+off)))
	}
	for i, x := range lo {
		s.op(x86.VMOVDQU64(x, at(oWin+winRow*i)))
	}
	twenty(lo[1], lo[2], 0)
	s.op(x86.VMOVDQU64(at(oWin+winRow+64), hi[0]))
	s.op(x86.VMOVDQU64(at(oWin+winRow*2+64), hi[1]))
	twenty(hi[0], hi[1], 64)
	return s
}

// clamp makes r0, r1, s1 of 16 bytes of keystream.
func clamp(low, high operand.Op) {
	c.MOVQ(operand.U64(clampLow), r0)
	c.MOVQ(operand.U64(clampHigh), r1)
	c.ANDQ(low, r0)
	c.ANDQ(high, r1)
	quartered()
}

func quartered() { emit((*stream).quartered) }

func (s *stream) quartered() {
	s.op(x86.MOVQ(r1, s1))
	s.op(x86.SHRQ(imm8(2), s1))
	s.op(x86.ADDQ(r1, s1))
}

func times() { emit((*stream).times) }

// times multiplies h by r. It uses RAX, RCX, RDX, R11, R12.
func (s *stream) times() {
	ax, cx, low, high, top := reg.RAX, reg.RCX, reg.R11, reg.RDX, reg.R12
	s.op(x86.MOVQ(r0, reg.RDX))
	s.op(x86.MULXQ(h[0], ax, cx))
	s.op(x86.MULXQ(h[1], low, top))
	s.op(x86.IMULQ(h[2], high))
	s.op(x86.ADDQ(high, top))
	s.op(x86.MOVQ(r1, reg.RDX))
	s.op(x86.MULXQ(h[0], h[0], high))
	s.op(x86.ADDQ(h[0], low))
	s.op(x86.ADCQ(high, top))
	s.op(x86.MOVQ(s1, reg.RDX))
	s.op(x86.MULXQ(h[1], h[0], high))
	s.op(x86.IMULQ(s1, h[2]))
	s.op(x86.ADDQ(h[0], ax))
	s.op(x86.ADCQ(high, cx))
	s.op(x86.ADDQ(h[2], low))
	s.op(x86.ADCQ(imm8(0), top))
	s.op(x86.ADDQ(cx, low))
	s.op(x86.ADCQ(imm8(0), top))
	s.op(x86.MOVQ(ax, h[0]))
	s.op(x86.MOVQ(low, h[1]))
	s.op(x86.MOVQ(top, h[2]))
	s.fold(top, ax, cx)
}

// fold takes what is beyond 2^130, in the word top, back into h.
func (s *stream) fold(top, x, y reg.GPPhysical) {
	if top != x {
		s.op(x86.MOVQ(top, x))
	}
	s.op(x86.MOVQ(x, y))
	s.op(x86.ANDQ(imm8(3), h[2]))
	s.op(x86.SHRQ(imm8(2), y))
	s.op(x86.ANDQ(operand.I32(-4), x))
	s.op(x86.ADDQ(y, x)) // 5 (top / 4)
	s.op(x86.ADDQ(x, h[0]))
	s.op(x86.ADCQ(imm8(0), h[1]))
	s.op(x86.ADCQ(imm8(0), h[2]))
}

// addBlock adds 16 bytes.
func addBlock(low, high operand.Op) {
	c.ADDQ(low, h[0])
	c.ADCQ(high, h[1])
	c.ADCQ(imm8(1), h[2])
}

// finish makes the tag of h, in h[0] and h[1].
func finish(sLow, sHigh operand.Op) {
	ax, cx, dx := reg.RAX, reg.RCX, reg.RDX
	c.MOVQ(h[0], ax)
	c.MOVQ(h[1], cx)
	c.MOVQ(h[2], dx)
	c.ADDQ(imm8(5), ax)
	c.ADCQ(imm8(0), cx)
	c.ADCQ(imm8(0), dx)
	c.SHRQ(imm8(2), dx)
	c.CMOVQNE(ax, h[0])
	c.CMOVQNE(cx, h[1])
	c.ADDQ(sLow, h[0])
	c.ADCQ(sHigh, h[1])
}
