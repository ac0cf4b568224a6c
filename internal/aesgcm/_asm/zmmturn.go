package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

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
