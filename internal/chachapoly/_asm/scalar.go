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
	if k > 9 {
		return at(oMul + 40*(k/8-1) + 8*part)
	}
	return at(oWin + winRow*part + 8*(maxPower-k))
}

// keyLimbs stores r, clamped in RAX and RDX, and its limbs, and gets ready
// for multiply.
func keyLimbs() stream {
	var s stream
	s.op(x86.MOVQ(reg.RAX, at(oKeyR)))
	s.op(x86.MOVQ(reg.RDX, at(oKeyR+8)))
	s.op(x86.MOVQ(operand.U64(1<<44-1), reg.R12))
	s.op(x86.MOVQ(operand.U64(1<<42-1), reg.R13))
	s.op(x86.MOVQ(reg.RAX, reg.R14))
	s.op(x86.ANDQ(reg.R12, reg.R14))
	s.op(x86.SHRQ(imm8(44), reg.RDX, reg.RAX))
	s.op(x86.ANDQ(reg.R12, reg.RAX))
	s.op(x86.SHRQ(imm8(24), reg.RDX))
	s.store(1, reg.R14, reg.RAX, reg.RDX)
	return s
}

// store writes r^k; it spoils the limbs.
func (s *stream) store(k int, limbs ...reg.Register) {
	for i, l := range limbs {
		s.op(x86.MOVQ(l, limb(k, i)))
		if k == 8 {
			s.op(x86.MOVQ(l, at(oMul+8*i)))
		}
	}
	for i, l := range limbs[1:] {
		s.op(x86.IMUL3Q(imm8(20), l, l))
		s.op(x86.MOVQ(l, limb(k, 3+i)))
		if k == 8 {
			s.op(x86.MOVQ(l, at(oMul+8*(3+i))))
		}
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

// powers fills the windows and the multipliers.
func powers() stream {
	var s stream
	for _, p := range [][2]int{{1, 1}, {2, 1}, {2, 2}, {4, 4}, {4, 1}, {4, 2}, {4, 3}, {8, 1}} {
		s.multiply(p[0], p[1])
	}
	for _, p := range [][2]int{{8, 8}, {16, 8}, {16, 16}, {24, 16}, {24, 24}} {
		s.multiply(p[0], p[1])
	}
	// r^17 ... r^10 are r^9 ... r^2 times r^8.
	s.zero(lo...)
	s.zero(hi...)
	for i, x := range []vec{t, u, t} {
		s.op(x86.VMOVDQU64(at(oWin+winRow*i+64), x))
		s.madd(i, x, broadcast(rB, oMul))
	}
	s.carry()
	s.op(x86.VPSLLQ(imm8(2), lo[1], t))
	s.op(x86.VPSLLQ(imm8(2), lo[2], u))
	s.op(x86.VPADDQ(lo[1], t, t))
	s.op(x86.VPADDQ(lo[2], u, u))
	s.op(x86.VPSLLQ(imm8(2), t, t))
	s.op(x86.VPSLLQ(imm8(2), u, u))
	for i, x := range []vec{lo[0], lo[1], lo[2], t, u} {
		s.op(x86.VMOVDQU64(x, at(oWin+winRow*i)))
	}
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

func quartered() {
	c.MOVQ(r1, s1)
	c.SHRQ(imm8(2), s1)
	c.ADDQ(r1, s1)
}

// times multiplies h by r. It uses RAX, RCX, RDX, R11, R12.
func times() {
	ax, cx, low, high, top := reg.RAX, reg.RCX, reg.R11, reg.RDX, reg.R12
	c.MOVQ(r0, reg.RDX)
	c.MULXQ(h[0], ax, cx)
	c.MULXQ(h[1], low, top)
	c.IMULQ(h[2], high)
	c.ADDQ(high, top)
	c.MOVQ(r1, reg.RDX)
	c.MULXQ(h[0], h[0], high)
	c.ADDQ(h[0], low)
	c.ADCQ(high, top)
	c.MOVQ(s1, reg.RDX)
	c.MULXQ(h[1], h[0], high)
	c.IMULQ(s1, h[2])
	c.ADDQ(h[0], ax)
	c.ADCQ(high, cx)
	c.ADDQ(h[2], low)
	c.ADCQ(imm8(0), top)
	c.ADDQ(cx, low)
	c.ADCQ(imm8(0), top)
	c.MOVQ(ax, h[0])
	c.MOVQ(low, h[1])
	c.MOVQ(top, h[2])
	fold(top, ax, cx)
}

// fold takes what is beyond 2^130, in the word top, back into h.
func fold(top, x, y reg.GPPhysical) {
	if top != x {
		c.MOVQ(top, x)
	}
	c.MOVQ(x, y)
	c.ANDQ(imm8(3), h[2])
	c.SHRQ(imm8(2), y)
	c.ANDQ(operand.I32(-4), x)
	c.ADDQ(y, x) // 5 (top / 4)
	c.ADDQ(x, h[0])
	c.ADCQ(imm8(0), h[1])
	c.ADCQ(imm8(0), h[2])
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
