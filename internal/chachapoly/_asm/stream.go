package main

import (
	"fmt"
	"slices"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A stream is straight-line code that has not been placed yet.
type stream []*ir.Instruction

// op appends what a constructor of package x86 returned.
func (s *stream) op(i *ir.Instruction, err error) {
	if err != nil {
		panic(err)
	}
	*s = append(*s, i)
}

func (s stream) emit() {
	for _, i := range s {
		c.Instruction(i)
	}
}

// emit places what f makes here.
func emit(f func(*stream)) {
	var s stream
	f(&s)
	s.emit()
}

// merge places b between the instructions of a, evenly, so that a processor
// that looks only a little ahead finds work of both. The two must not depend
// on one another in any way, and only b may use flags.
func merge(a, b stream) {
	independent(a, b)
	j := 0
	for i, x := range a {
		for j < len(b) && j*len(a) < i*len(b) {
			c.Instruction(b[j])
			j++
		}
		c.Instruction(x)
	}
	b[j:].emit()
}

// independent panics if one stream writes a register that the other uses.
func independent(a, b stream) {
	check := func(x, y stream) {
		used := make(map[reg.ID]bool)
		for _, i := range y {
			for _, r := range slices.Concat(i.InputRegisters(), i.OutputRegisters()) {
				used[r.ID()] = true
			}
		}
		for _, i := range x {
			for _, r := range i.OutputRegisters() {
				if used[r.ID()] {
					panic(fmt.Sprintf("%s %v: a merged stream uses this register too", i.Opcode, r.Asm()))
				}
			}
		}
	}
	check(a, b)
	check(b, a)
}

// align asks the assembler to start what follows on a cache line.
func align() {
	c.Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []operand.Op{operand.Imm(64)}})
}

// call calls one of our own functions, which take everything in registers.
func call(name string) {
	c.Instruction(&ir.Instruction{Opcode: "CALL", Operands: []operand.Op{operand.LabelRef("·" + name + "(SB)")}})
}
