package aesgcm_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// classes are the instructions that the kernels may use. The time of none
// depends on the data in its registers: there is no division, no gather, no
// microcoded AES key generation, and no multiplication but the carry-less one.
// Branches, and addresses, are made of lengths, pointers and the mode; the one
// exception is a branch on whether a tag was right, which is no secret.
var classes = map[string][]string{
	"AES rounds":               {"VAESENC", "VAESENCLAST"},
	"carry-less product":       {"VPCLMULQDQ"},
	"bitwise, on vectors":      {"VPXOR", "VPXORQ", "VPAND", "VPTERNLOGQ"},
	"fixed shifts and sums":    {"VPADDD", "VPSLLQ", "VPSRLQ", "VPSLLDQ", "VPSRAD"},
	"permutations, all in one": {"VPSHUFB", "VPSHUFD", "VPUNPCKLQDQ", "VPUNPCKHQDQ", "VSHUFI64X2"},
	"lanes":                    {"VINSERTI128", "VINSERTI32X4", "VINSERTI64X4", "VEXTRACTI128", "VEXTRACTI32X4", "VEXTRACTI64X4", "VBROADCASTI128", "VBROADCASTI32X4", "VPINSRQ"},
	"moves, masks by length":   {"VMOVDQU", "VMOVDQA", "VMOVDQA64", "VMOVDQU64", "VMOVDQU8", "VMOVDQU8.Z", "VMOVQ", "VMOVD", "KMOVQ", "KMOVW", "MOVQ", "MOVL", "MOVW", "MOVB", "MOVWLZX", "LEAQ"},
	"lengths and counters":     {"ADDQ", "ADDL", "SUBQ", "DECQ", "ANDQ", "ORQ", "XORQ", "XORL", "SHLQ", "SHRQ", "ROLW", "BSWAPL", "BZHIQ", "BZHIL", "CMPQ", "CMOVQGT", "TESTQ", "TESTL"},
	"comparison of tags":       {"VPTEST", "SETNE"},
	"flow":                     {"JMP", "JE", "JEQ", "JZ", "JNE", "JNZ", "JHI", "JHS", "JLO", "JLS", "JGT", "JCC", "JCS", "RET", "PCALIGN", "VZEROUPPER"},
}

// indexed addresses have two registers.
var indexed = regexp.MustCompile(`\(([A-Z0-9]+)\)\(([A-Z0-9]+)\*1\)`)

// offsets are what may be the second: lengths of text, and what they leave.
var offsets = []string{"DX", "CX", "AX", "R11"}

func TestInstructionClasses(t *testing.T) {
	files, err := filepath.Glob("*mm_amd64.s")
	if err != nil || len(files) != 2 {
		t.Fatalf("files of kernels: %q, %v", files, err)
	}
	for _, file := range append(files, "setup_amd64.s") {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range unwanted(string(source)) {
			t.Errorf("%s: %s", file, v)
		}
	}
}

func TestUnwantedInstructionsAreFound(t *testing.T) {
	got := unwanted("TEXT x\n\tVPGATHERDD (AX)(X1*1), X2, X3\n\tMOVQ (SI)(R13*1), AX\n\tVPXOR X1, X2, X3\n")
	if want := []string{"VPGATHERDD", "index R13"}; !slices.Equal(got, want) {
		t.Errorf("unwanted = %q, want %q", got, want)
	}
}

// unwanted returns the instructions of no class, and strange addresses.
func unwanted(source string) []string {
	var found []string
	for line := range strings.Lines(source) {
		op, ok := strings.CutPrefix(line, "\t")
		if !ok {
			continue
		}
		op, _, _ = strings.Cut(strings.TrimSpace(op), " ")
		known := false
		for _, class := range classes {
			known = known || slices.Contains(class, op)
		}
		if !known {
			found = append(found, op)
			continue
		}
		for _, m := range indexed.FindAllStringSubmatch(line, -1) {
			if !slices.Contains(offsets, m[2]) {
				found = append(found, "index "+m[2])
			}
		}
	}
	return found
}
