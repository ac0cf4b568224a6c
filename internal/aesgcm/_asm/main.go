// The generator of package aesgcm's assembly. Run it with go generate.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// Layout of the key schedule: 15 round keys, then the hash key H times x, byte
// swapped, the form in which all powers are kept.
const (
	keyRounds = 0
	keyHash   = 240
)

// Bits of a record kernel's mode; the upper half is the number of blocks that
// precede the part.
const (
	modeChunk  = 1 // a chunk of Shadowsocks: a length under one nonce, a payload under the next
	modeResume = 2 // the seed is the hash of all that precedes
	modeMore   = 4 // other parts follow: the hash goes to where the seed was
)

// badLength is what opening a chunk returns if its length is not authentic; if
// the text of any record is not, it is twice that.
const badLength = 1

const ternXor3 = 0x96 // VPTERNLOG: the exclusive or of all three

func imm(i int) operand.Constant { return operand.U8(uint8(i)) }

// data declares a read-only table of quadwords.
func data(name string, q ...uint64) operand.Mem {
	m := build.GLOBL(name, 8|16) // RODATA|NOPTR
	for i, x := range q {
		build.DATA(8*i, operand.U64(x))
	}
	return m
}

// Tables, in as many lanes as the kernels need.
var (
	cSwap     operand.Mem    // byte swap of a block
	cPoly     operand.Mem    // the reduction polynomial
	cOne      operand.Mem    // counter 1 in the last word of a block, big-endian
	cTwo      operand.Mem    // counter 2
	cChunk    operand.Mem    // counters 1, 1, 2, 0
	cBits16   operand.Mem    // the length block of two bytes of text
	cTurn     operand.Mem    // blocks per turn, for a byte-swapped counter
	cCounters [8]operand.Mem // the counters of a turn's blocks
	cBytes    operand.Mem    // 32 bytes of all ones, 32 zeros
)

// constants declares the tables for vectors of so many lanes.
func constants(lanes int) {
	all := func(name string, lo, hi uint64) operand.Mem {
		var q []uint64
		for range lanes {
			q = append(q, lo, hi)
		}
		return data(name, q...)
	}
	const poly = 0xc200000000000000
	cSwap = all("swap", 0x08090a0b0c0d0e0f, 0x0001020304050607)
	cPoly = data("poly", poly, poly)
	cOne = data("one", 0, 1<<56)
	cBits16 = data("bits16", 16, 0)
	if lanes == 4 {
		cChunk = data("chunkctr", 0, 1<<56, 0, 1<<56, 0, 2<<56, 0, 0)
	} else {
		cTwo = data("two", 0, 2<<56)
		ones := ^uint64(0)
		cBytes = data("bytes", ones, ones, ones, ones, 0, 0, 0, 0)
	}
	blocks := 8 * lanes
	cTurn = all("turn", uint64(blocks), 0)
	for i := range cCounters {
		var q []uint64
		for lane := range lanes {
			q = append(q, 0, uint64((lanes*i+lane+2)%blocks)<<56)
		}
		cCounters[i] = data(fmt.Sprintf("ctr%d", i), q...)
	}
}

func main() {
	kernels := flag.String("kernels", "", "setup, zmm or ymm")
	flag.Parse()
	build.ConstraintExpr("amd64,!purego")
	switch *kernels {
	case "setup":
		constants(1)
		expandKey(128)
		expandKey(256)
	case "zmm":
		constants(4)
		zmmPowers()
		zmmHash()
		for _, bits := range []int{128, 256} {
			zmmRecord(bits, false)
			zmmRecord(bits, true)
		}
	case "ymm":
		constants(2)
		ymmPowers()
		ymmHash()
		for _, bits := range []int{128, 256} {
			ymmRecord(bits, false)
			ymmRecord(bits, true)
		}
	default:
		fmt.Fprintln(os.Stderr, "no such kernels:", *kernels)
		os.Exit(2)
	}
	build.Generate()
}
