package main

import (
	"slices"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

// A shape is how the blocks of one pass lie in Z0 to Z23. Lanes are sixteen
// blocks, a word of each per register, Z0 to Z15. A row group is four blocks,
// a row of each per register.
type shape struct {
	lanes  bool
	groups [][4]vec
	most   int // multipliers that a first pass makes
}

var (
	first  = [4]vec{z[16], z[17], z[18], z[19]}
	second = [4]vec{z[20], z[21], z[22], z[23]}

	small  = shape{groups: [][4]vec{first, second}, most: smallMul}
	medium = shape{lanes: true, groups: [][4]vec{first}, most: 9}
	large  = shape{lanes: true, groups: [][4]vec{first, second}, most: maxMul}
)

// double is n double rounds.
func (p shape) double(n int) stream {
	var s stream
	for half := range 2 * n {
		odd := half % 2
		q := p.groups[:len(p.groups):len(p.groups)]
		if p.lanes {
			for i := range 4 {
				q = append(q, [4]vec{z[i], z[4+(i+odd)%4], z[8+(i+2*odd)%4], z[12+(i+3*odd)%4]})
			}
		}
		left, right := 0x39, 0x93
		if odd == 1 {
			left, right = right, left
		}
		// Two quarter rounds side by side, then the next two: it spreads the
		// rotations, of which a processor that has one pipe for them, and splits
		// registers of 512 bits, can do only one per cycle.
		for _, x := range [][4]int{{0, 1, 3, 16}, {2, 3, 1, 12}, {0, 1, 3, 8}, {2, 3, 1, 7}} {
			for pair := range slices.Chunk(q, 2) {
				for _, v := range pair {
					s.op(x86.VPADDD(v[x[1]], v[x[0]], v[x[0]]))
				}
				for _, v := range pair {
					s.op(x86.VPXORD(v[x[0]], v[x[2]], v[x[2]]))
				}
				for _, v := range pair {
					s.op(x86.VPROLD(imm8(x[3]), v[x[2]], v[x[2]]))
				}
			}
		}
		for _, v := range p.groups {
			s.op(x86.VPSHUFD(imm8(left), v[1], v[1]))
			s.op(x86.VPSHUFD(imm8(0x4e), v[2], v[2]))
			s.op(x86.VPSHUFD(imm8(right), v[3], v[3]))
		}
	}
	return s
}

// load fills the registers of p from the frame.
func (p shape) load() {
	for g, v := range p.groups {
		for i := range 3 {
			c.VMOVDQA64(at(oSigma+64*i), v[i])
		}
		c.VMOVDQA64(at(oRow3a+64*g), v[3])
	}
	if p.lanes {
		for i := range 16 {
			c.VPBROADCASTD(at(oWords+4*i), z[i])
		}
		c.VPADDD(kIota, z[12], z[12])
	}
}

// finishGroup adds row group g's start and hands over its four blocks, in Z24
// to Z27 or in its own registers. It uses Z24 and Z25.
func (p shape) finishGroup(g int, out func(block int, v vec)) {
	v := p.groups[g]
	for i := range 3 {
		c.VPADDD(at(oSigma+64*i), v[i], v[i])
	}
	c.VPADDD(at(oRow3a+64*g), v[3], v[3])
	quarter(v, out)
}

// finishLanes adds the start of the lanes and hands over their sixteen blocks
// in order. It uses Z24 to Z27.
func (p shape) finishLanes(out func(block int, v vec)) {
	for i := range 16 {
		c.VPADDD_BCST(at(oWords+4*i), z[i], z[i])
	}
	c.VPADDD(kIota, z[12], z[12])
	t := z[24:28]
	for w := 0; w < 16; w += 4 {
		r := z[w : w+4]
		c.VPUNPCKLDQ(r[1], r[0], t[0])
		c.VPUNPCKHDQ(r[1], r[0], t[1])
		c.VPUNPCKLDQ(r[3], r[2], t[2])
		c.VPUNPCKHDQ(r[3], r[2], t[3])
		c.VPUNPCKLQDQ(t[2], t[0], r[0])
		c.VPUNPCKHQDQ(t[2], t[0], r[1])
		c.VPUNPCKLQDQ(t[3], t[1], r[2])
		c.VPUNPCKHQDQ(t[3], t[1], r[3])
	}
	for j := range 4 {
		quarter([4]vec{z[j], z[4+j], z[8+j], z[12+j]}, func(b int, v vec) { out(4*j+b, v) })
	}
}

// quarter transposes the quarters of four registers.
func quarter(v [4]vec, out func(block int, v vec)) {
	t, u := z[24], z[25]
	c.VSHUFI32X4(imm8(0x44), v[1], v[0], t)
	c.VSHUFI32X4(imm8(0x44), v[3], v[2], u)
	c.VSHUFI32X4(imm8(0xee), v[1], v[0], v[0])
	c.VSHUFI32X4(imm8(0xee), v[3], v[2], v[2])
	c.VSHUFI32X4(imm8(0x88), u, t, v[1])
	out(0, v[1])
	c.VSHUFI32X4(imm8(0xdd), u, t, v[3])
	out(1, v[3])
	c.VSHUFI32X4(imm8(0x88), v[2], v[0], t)
	out(2, t)
	c.VSHUFI32X4(imm8(0xdd), v[2], v[0], u)
	out(3, u)
}

// crypt writes one block of text, keystream in v.
func crypt(block int, v vec) {
	c.VPXORQ(mem(rSrc, 64*block), v, v)
	c.VMOVDQU64(v, mem(rDst, 64*block))
}

func advance(blocks int) {
	c.ADDQ(i32(64*blocks), rSrc)
	c.ADDQ(i32(64*blocks), rDst)
}

// scalarBlock is block 0 of the text's nonce, whose first half is the key of
// Poly1305, in general registers: r's limbs go to the windows, s to the
// frame. Six instructions at a time would do for the latency of the chain.
func scalarBlock() (start, twoRounds, end stream) {
	a := []reg.GPPhysical{reg.RAX, reg.RCX, reg.RDX, reg.RSI}
	b := []reg.GPPhysical{reg.RDI, reg.R8, reg.R9, reg.R10}
	d := []reg.GPPhysical{reg.R11, reg.R12, reg.R13, reg.R14}
	x := []reg.GPPhysical{reg.R15, reg.RBP}
	word := func(i int) operand.Mem { return at(oWords + 4*i) }

	s := &start
	for i := range 4 {
		s.op(x86.MOVL(word(i), a[i].As32()))
		s.op(x86.MOVL(word(4+i), b[i].As32()))
	}
	s.op(x86.XORL(d[0].As32(), d[0].As32())) // the word in the frame counts texts
	for i := 1; i < 4; i++ {
		s.op(x86.MOVL(word(12+i), d[i].As32()))
	}
	s.op(x86.MOVQ(word(10), x[0]))
	s.op(x86.MOVQ(x[0], at(oSpill+8)))
	for i := range 2 {
		s.op(x86.MOVL(word(8+i), x[i].As32()))
	}

	s = &twoRounds
	two := func(q ...[4]reg.GPPhysical) {
		for _, t := range [][4]int{{0, 1, 3, 16}, {2, 3, 1, 12}, {0, 1, 3, 8}, {2, 3, 1, 7}} {
			for _, v := range q {
				s.op(x86.ADDL(v[t[1]].As32(), v[t[0]].As32()))
			}
			for _, v := range q {
				s.op(x86.XORL(v[t[0]].As32(), v[t[2]].As32()))
			}
			for _, v := range q {
				s.op(x86.ROLL(imm8(t[3]), v[t[2]].As32()))
			}
		}
	}
	swap := func(st, ld int) {
		for i := range 2 {
			s.op(x86.MOVL(x[i].As32(), at(oSpill+4*(st+i))))
		}
		for i := range 2 {
			s.op(x86.MOVL(at(oSpill+4*(ld+i)), x[i].As32()))
		}
	}
	for range 2 {
		two([4]reg.GPPhysical{a[0], b[0], x[0], d[0]}, [4]reg.GPPhysical{a[1], b[1], x[1], d[1]})
		swap(0, 2)
		two([4]reg.GPPhysical{a[2], b[2], x[0], d[2]}, [4]reg.GPPhysical{a[3], b[3], x[1], d[3]})
		two([4]reg.GPPhysical{a[0], b[1], x[0], d[3]}, [4]reg.GPPhysical{a[1], b[2], x[1], d[0]})
		swap(2, 0)
		two([4]reg.GPPhysical{a[2], b[3], x[0], d[1]}, [4]reg.GPPhysical{a[3], b[0], x[1], d[2]})
	}

	s = &end
	for i := range 4 {
		s.op(x86.ADDL(word(i), a[i].As32()))
	}
	for i := range 4 {
		s.op(x86.ADDL(word(4+i), b[i].As32()))
		s.op(x86.MOVL(b[i].As32(), at(oKeyS+4*i)))
	}
	s.op(x86.SHLQ(imm8(32), a[1]))
	s.op(x86.ORQ(a[1], a[0]))
	s.op(x86.SHLQ(imm8(32), a[3]))
	s.op(x86.ORQ(a[3], a[2]))
	s.op(x86.MOVQ(operand.U64(clampLow), reg.R8))
	s.op(x86.MOVQ(operand.U64(clampHigh), reg.R9))
	s.op(x86.ANDQ(reg.R8, reg.RAX))
	s.op(x86.ANDQ(reg.R9, reg.RDX))
	end = append(end, keyLimbs()...)
	return
}
