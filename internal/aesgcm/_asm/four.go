package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Four short records in one call. What is done once for a record is done for
// four of them, one in each lane: first counter block, lengths, reduction, tag.
// Their texts come one after the other, in a loop; none depends on another, so
// the processor does several at once.
const (
	fourMost = 6 // vectors of text in a record
	slotSize = 32
)

// Fields of a slot, as in the Go declaration.
const (
	slotDst = 8 * iota
	slotSrc
	slotLen // followed by the length of the additional data, which is 0
)

var (
	rSlot = R13
	rFour = R11 // records left

	zFour                      = Z28 // nonces after the first round key
	zFourLo, zFourHi, zFourMid = Z24, Z29, Z30
)

// next turns the lanes of z by one: the next record's comes to lane 0.
func next(z Register) { VSHUFI64X2(imm(0x39), z, z, z) }

// zmmFour generates the kernel.
func zmmFour(bits int, open bool) {
	g := &zmmKernel{rounds: bits/32 + 6, open: open}
	for i, z := range []VecPhysical{Z31, Z15, Z14, Z7, Z6} {
		g.resident[g.rounds-i] = z
	}
	if open {
		TEXT(fmt.Sprintf("openFour%d", bits), NOSPLIT, "func(sched, tab, nonces, slots *byte) (bad int)")
		Doc(fmt.Sprintf("openFour%d opens four records. Two bits of bad for each tell whether it is forged.", bits))
	} else {
		TEXT(fmt.Sprintf("sealFour%d", bits), NOSPLIT, "func(sched, tab, nonces, slots *byte)")
		Doc(fmt.Sprintf("sealFour%d seals four records.", bits))
	}
	Pragma("noescape")
	Load(Param("sched"), rKeys)
	Load(Param("tab"), rEnd)
	Load(Param("nonces"), RCX)
	Load(Param("slots"), rSlot)
	ADDQ(operand.U32(16*zmmPowerNum), rEnd)
	VBROADCASTI32X4(cSwap, zSwap)
	for r, k := range g.resident {
		if k != nil {
			VBROADCASTI32X4(g.keyMem(r), k)
		}
	}
	for i := range 4 {
		loadNonce(12*i, zState[i].AsX().(VecPhysical))
	}
	for i := 1; i < 4; i++ {
		VINSERTI32X4(imm(i), zState[i].AsX(), zState[0], zState[0])
	}
	VBROADCASTI32X4(g.keyMem(0), zTemp)
	VPXORQ(zTemp, zState[0], zFour)
	VBROADCASTI32X4(cOne, zTemp)
	VPXORQ(zTemp, zFour, zMask)
	var s seq
	g.rest(&s, zMask)
	s.emit()
	for _, z := range []VecPhysical{zFourLo, zFourHi, zFourMid} {
		VPXORQ(z, z, z)
	}
	MOVL(operand.U32(4), rFour.As32())

	align(64)
	Label("record")
	MOVQ(operand.Mem{Base: rSlot, Disp: slotDst}, rDst)
	MOVQ(operand.Mem{Base: rSlot, Disp: slotSrc}, rSrc)
	MOVQ(operand.Mem{Base: rSlot, Disp: slotLen}, rN)
	VSHUFI64X2(imm(0), zFour, zFour, zBase)
	next(zFour)
	for _, z := range []VecPhysical{zLo, zHi, zMiddle} {
		VPXORQ(z, z, z)
	}
	LEAQ(operand.Mem{Base: rN, Disp: 15}, RAX)
	ANDQ(operand.I32(-16), RAX)
	LEAQ(operand.Mem{Base: rEnd, Disp: -16}, rPow)
	SUBQ(RAX, rPow)
	g.lastVector()
	choose("four", 64, 1, fourMost)
	for v := 1; v <= fourMost; v++ {
		Label(fmt.Sprintf("four%d", v))
		var a, h seq
		g.encrypt(&a, v, true)
		if open {
			g.load(&h, v, true)
			h.hash(v)
			interleave(a, h, hashSpan)
		} else {
			a.emit()
			g.give(v)
			h.hash(v)
			h.emit()
		}
		if v < fourMost {
			JMP(operand.LabelRef("fold"))
		}
	}
	Label("fold")
	t := zT[0]
	for _, sum := range [][2]VecPhysical{{zLo, zFourLo}, {zHi, zFourHi}, {zMiddle, zFourMid}} {
		z, four := sum[0], sum[1]
		VEXTRACTI64X4(imm(1), z, t.AsY())
		VPXORQ(t.AsY(), z.AsY(), z.AsY())
		VEXTRACTI32X4(imm(1), z.AsY(), t.AsX())
		VPXORQ(t.AsX(), z.AsX(), z.AsX())
		VPXORQ(z, four, four)
		next(four)
	}
	ADDQ(imm(slotSize), rSlot)
	DECL(rFour.As32())
	JNZ(operand.LabelRef("record"))
	SUBQ(operand.U32(4*slotSize), rSlot)
	g.finishFour()
}

// finishFour adds the lengths, and writes or compares the tags.
func (g *zmmKernel) finishFour() {
	slot := func(i, field int) operand.Mem { return operand.Mem{Base: rSlot, Disp: slotSize*i + field} }
	lens, h := zState[0], zState[1]
	VMOVDQU(slot(0, slotLen), lens.AsX())
	for i := 1; i < 4; i++ {
		VINSERTI32X4(imm(i), slot(i, slotLen), lens, lens)
	}
	VPSLLQ(imm(3), lens, lens)
	VBROADCASTI32X4(operand.Mem{Base: rEnd, Disp: -16}, h)
	var s seq
	s.multiply(lens, h, false)
	s.emit()
	VPXORQ(zFourLo, zLo, zLo)
	VPXORQ(zFourHi, zHi, zHi)
	VPXORQ(zFourMid, zMiddle, zMiddle)
	s = nil
	s.reduceLanes()
	s.emit()
	tags := zState[0]
	VPSHUFB(zSwap, zHi, tags)
	VPXORQ(zMask, tags, tags)
	text := slotDst
	if g.open {
		text = slotSrc
	}
	for i := range 4 {
		MOVQ(slot(i, text), rDst)
		MOVQ(slot(i, slotLen), rN)
		tag := operand.Mem{Base: rDst, Index: rN, Scale: 1}
		switch {
		case g.open && i == 0:
			VMOVDQU(tag, h.AsX())
		case g.open:
			VINSERTI32X4(imm(i), tag, h, h)
		default:
			VEXTRACTI32X4(imm(i), tags, zState[1].AsX())
			VMOVDQU(zState[1].AsX(), tag)
		}
	}
	if g.open {
		VPXORQ(h, tags, tags)
		VPTESTMQ(tags, tags, K1)
		KMOVW(K1, EAX)
		Store(RAX, ReturnIndex(0))
	}
	clearZ()
	RET()
}
