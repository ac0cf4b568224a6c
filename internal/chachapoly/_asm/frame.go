package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var c = build.NewContext()

type vec = reg.VecPhysical

var z = [32]vec{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
	reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
	reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

// General registers outside the scalar block, which uses all but rB.
var (
	rB   = reg.RBX // the frame
	rDst = reg.RDI // where the next text goes
	rSrc = reg.RSI // where it comes from
	rN   = reg.RDX // bytes of text
	rP   = reg.R9  // what is hashed next
	rK   = reg.R10 // passes left
	rG   = reg.R11 // groups of 128 bytes left
	rMul = reg.R12 // multiplier of the next group
	rT   = reg.R13
)

// The frame: offsets from rB, which is a multiple of 64.
const (
	oSigma  = 0    // rows 0, 1, 2 of a state, four times each
	oRow3a  = 192  // row 3 of the first row group
	oRow3b  = 256  // and of the second
	oWords  = 320  // the 16 words, for lanes
	oWin    = 384  // limbs of r^17 ... r^1, then zeros: five rows of 24
	oMul    = 1344 // multipliers r^8, r^16 ... r^88, 40 bytes each
	oAcc    = 1792 // the accumulator: 3 x 8 limbs
	oTail   = 1984 // limbs of the last blocks of text: 3 x 8
	oHead   = 2176 // two blocks of keystream: of text, or of a chunk's length
	oKeyS   = 2304 // s
	oKeyR   = 2320 // r, clamped
	oLength = 2336 // limbs of the last block times r
	oSpill  = 2368 // words 8 to 11 of the scalar block
	oTurns  = 2384 // turns left
	oGroups = 2392 // groups in the first pass
	oPasses = 2400 // full passes after it
	oTotal  = 2408 // groups in all
	oHash   = 2416 // what is hashed next
	oArgs   = 2424 // *call
	oLast   = 2432 // blocks of 16 bytes in the tail
	oMost   = 2440 // multipliers that there are
	oNew    = 2448 // not 0 while the accumulator is 0
	oStop   = 2456 // not 0 if a chunk's length is not what was expected
	frame   = 2496

	winRow   = 192 // bytes between the rows r0, r1, r2, 20 r1, 20 r2
	maxPower = 17
	passMul  = 6  // groups between two reductions of a full pass
	maxMul   = 11 // and of hash, if there are as many multipliers
	smallMul = 3  // multipliers after a small first pass
	passSize = 24 // blocks of a full pass
)

// The fields of a call, as in the Go declaration.
const (
	argDst = 8 * iota
	argSrc
	argN
	argKey
	argNonces
	argAad
	argAadN
	argTag
	argMode
	argDiff
	argTotal
	argSkip
	argState
	argLength
)

// Bits of the mode.
const (
	modeOpen = 1 << iota
	modeChunk
	modeResume
	modeMore
)

func at(off int) operand.Mem { return operand.Mem{Base: rB, Disp: off} }

func mem(base reg.Register, off int) operand.Mem { return operand.Mem{Base: base, Disp: off} }

func imm8(i int) operand.Constant {
	if i < 0 || i > 255 {
		panic("not a byte")
	}
	return operand.U8(uint8(i))
}

func i32(i int) operand.Constant { return operand.I32(int32(i)) }

// Constants.
var (
	kSigma  operand.Mem // the four words
	kIota   operand.Mem // lane 4c+j holds block 4j+c, so that four blocks in a row come out together
	kLane   operand.Mem // 0, 1, 2, 3 in word 0 of each quarter
	kText   operand.Mem // counters beside a tail: 0, 1, 1, 2
	kChunk  operand.Mem // 0, 1, 0, 1
	kFour   operand.Mem // 4 in each quarter
	kPass   operand.Mem // passSize in each quarter
	kMask44 operand.Mem
	kMask42 operand.Mem
	kOne    operand.Mem
	kBit    operand.Mem // 2^128 in the third limb
	kLow    operand.Mem // indices of the low halves of eight blocks
	kHigh   operand.Mem
	kOrder  operand.Mem // undoes the order of VPUNPCK
	kBytes  operand.Mem // 0 ... 63
)

func words(name string, w ...uint32) operand.Mem {
	m := c.StaticGlobal(name)
	c.DataAttributes(8 | 16) // RODATA, NOPTR
	for i, x := range w {
		c.AddDatum(4*i, operand.U32(x))
	}
	return m
}

func quads(name string, q ...uint64) operand.Mem {
	m := c.StaticGlobal(name)
	c.DataAttributes(8 | 16)
	for i, x := range q {
		c.AddDatum(8*i, operand.U64(x))
	}
	return m
}

func counters(name string, a, b, x, y uint32) operand.Mem {
	return words(name, a, 0, 0, 0, b, 0, 0, 0, x, 0, 0, 0, y, 0, 0, 0)
}

func constants() {
	kSigma = words("sigma", 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574)
	iota := make([]uint32, 16)
	for lane := range iota {
		iota[lane] = uint32(4*(lane%4) + lane/4)
	}
	kIota = words("iota", iota...)
	kLane = counters("lane", 0, 1, 2, 3)
	kText = counters("text", 0, 1, 1, 2)
	kChunk = counters("chunk", 0, 1, 0, 1)
	kFour = counters("four", 4, 4, 4, 4)
	kPass = counters("pass", passSize, passSize, passSize, passSize)
	limb := quads("limb", 1<<44-1, 1<<42-1, 1, 1<<40)
	kMask44, kMask42, kOne, kBit = limb, limb.Offset(8), limb.Offset(16), limb.Offset(24)
	kLow = quads("low", 0, 2, 4, 6, 8, 10, 12, 14)
	kHigh = quads("high", 1, 3, 5, 7, 9, 11, 13, 15)
	kOrder = quads("order", 0, 2, 4, 6, 1, 3, 5, 7)
	bytes := make([]uint64, 8)
	for i := range 64 {
		bytes[i/8] |= uint64(i) << (8 * (i % 8))
	}
	kBytes = quads("bytes", bytes...)
}
