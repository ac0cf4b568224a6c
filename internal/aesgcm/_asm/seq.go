package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A seq is a run of instructions that is not emitted yet, so that it can be
// interleaved with another one.
type seq []*ir.Instruction

// do appends an instruction; its arguments are the results of a constructor of
// avo's package x86.
func (s *seq) do(i *ir.Instruction, err error) {
	if err != nil {
		panic(err)
	}
	*s = append(*s, i)
}

func (s seq) emit() {
	for _, i := range s {
		build.Instruction(i)
	}
}

// A span is the part of one seq, from 0 to 1, over which another is spread.
type span struct{ from, to float64 }

// interleave emits a and b in one: each in its own order, b spread evenly over
// a span of a. Whatever the span, the result is the same as that of
// b followed by a: interleave panics if an instruction of one depends on the
// other, or if b reads text in after a has written text out, which may cover it.
func interleave(a, b seq, over span) {
	independent(a, b)
	independent(b, a)
	j, written := 0, false
	next := func() {
		if written && (accesses(b[j].Inputs, rSrc) || accesses(b[j].Inputs, rTailSrc)) {
			panic(fmt.Sprintf("input is read after output was written: %v", b[j].Opcode))
		}
		build.Instruction(b[j])
		j++
	}
	for i, inst := range a {
		for j < len(b) && over.from+(over.to-over.from)*float64(j)/float64(len(b)) < float64(i)/float64(len(a)) {
			next()
		}
		build.Instruction(inst)
		written = written || accesses(inst.Outputs, rDst) || accesses(inst.Outputs, rTailDst)
	}
	for j < len(b) {
		next()
	}
}

// independent panics if a writes a register that b reads or writes.
func independent(a, b seq) {
	written := map[reg.ID]string{}
	for _, i := range a {
		for _, r := range i.OutputRegisters() {
			written[r.ID()] = i.Opcode
		}
	}
	for _, i := range b {
		for _, r := range append(i.InputRegisters(), i.OutputRegisters()...) {
			if op, ok := written[r.ID()]; ok {
				panic(fmt.Sprintf("%s and %s both use %v", op, i.Opcode, r))
			}
		}
	}
}

// accesses reports whether one of the operands is memory at base.
func accesses(ops []operand.Op, base reg.Register) bool {
	for _, op := range ops {
		if m, ok := op.(operand.Mem); ok && m.Base != nil && m.Base.ID() == base.ID() {
			return true
		}
	}
	return false
}

// align starts the next instruction on a boundary of n bytes.
func align(n int) {
	build.Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []operand.Op{operand.Imm(uint64(n))}})
}
