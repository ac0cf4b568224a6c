package chachapoly_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// classes are the instructions that the kernels may use. The time of none
// depends on the data in its registers: there is no division, no gather, no
// table. Multiplication takes a fixed time on every processor that has AVX-512.
// Branches and addresses are made of lengths, pointers and the mode; the
// exceptions are the sealed length of a chunk and whether it is authentic,
// which the caller is told.
var classes = map[string][]string{
	"sums, bits and rotations by constants": {
		"VPADDD", "VPADDD.BCST", "VPADDQ", "VPXORD", "VPXORQ", "VPORQ.BCST", "VPANDQ.BCST", "VPROLD", "VPSLLQ", "VPSRLQ", "VPSHRDQ", "VPSHRDQ.BCST", "VPSLLDQ",
		"ADDL", "ADDQ", "ADCQ", "SUBL", "SUBQ", "XORL", "XORQ", "XORW", "ORQ", "ANDQ", "ROLL", "ROLW", "SHLQ", "SHRQ", "NEGQ", "DECL", "DECQ",
	},
	"products":                         {"VPMADD52LUQ", "VPMADD52HUQ", "VPMADD52LUQ.BCST", "VPMADD52HUQ.BCST", "MULXQ", "IMULQ", "IMUL3Q"},
	"permutations by constants":        {"VPSHUFD", "VSHUFI32X4", "VPUNPCKLDQ", "VPUNPCKHDQ", "VPUNPCKLQDQ", "VPUNPCKHQDQ", "VPERMQ", "VPERMI2Q"},
	"permutations by a page's edge":    {"VPERMB", "VPERMB.Z", "VPADDB", "VPSUBB", "VPBROADCASTB"},
	"parts of registers":               {"VPBROADCASTD", "VPBROADCASTD.Z", "VPBROADCASTQ.Z", "VBROADCASTI32X4", "VBROADCASTI32X4.Z", "VEXTRACTI128", "VEXTRACTI64X4", "VPINSRD", "VPEXTRQ"},
	"moves":                            {"VMOVDQA", "VMOVDQU", "VMOVDQA64", "VMOVDQU64", "VMOVDQU8", "VMOVDQU8.Z", "VMOVQ", "MOVQ", "MOVL", "MOVW", "MOVWLZX", "LEAQ"},
	"masks by length":                  {"KMOVQ", "KMOVD", "KANDQ", "KSHIFTLW", "BZHIQ", "BZHIL", "SHLXQ", "SHLXL"},
	"conditions, on lengths":           {"CMPQ", "TESTL", "TESTQ", "CMOVQLT", "CMOVQLS", "CMOVQHI"},
	"the last reduction, by selection": {"CMOVQNE"},
	"flow":                             {"CALL", "JMP", "JE", "JNE", "JZ", "JNZ", "JB", "JBE", "JAE", "RET", "PCALIGN", "VZEROUPPER"},
}

// indexed addresses, of loads and stores and of LEA as an addition.
var indexed = regexp.MustCompile(`\([A-Z0-9]+\)\([A-Z0-9]+\*[1248]\)`)

func TestInstructionClasses(t *testing.T) {
	source, err := os.ReadFile("kernel_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range unwanted(string(source)) {
		t.Error(v)
	}
}

func TestUnwantedInstructionsAreFound(t *testing.T) {
	got := unwanted("TEXT x\n\tVPGATHERDD (AX)(X1*1), X2, X3\n\tMOVQ (SI)(R13*1), AX\n\tLEAQ (SI)(R13*1), AX\n\tVPXORD Z1, Z2, Z3\n")
	if want := []string{"VPGATHERDD", "MOVQ (SI)(R13*1)"}; !slices.Equal(got, want) {
		t.Errorf("unwanted = %q, want %q", got, want)
	}
}

// unwanted returns the instructions of no class, and accesses by an index.
func unwanted(source string) []string {
	var found []string
	for line := range strings.Lines(source) {
		op, ok := strings.CutPrefix(line, "\t")
		if !ok || strings.HasPrefix(op, "//") {
			continue
		}
		op, _, _ = strings.Cut(strings.TrimSpace(op), " ")
		known := false
		for _, class := range classes {
			known = known || slices.Contains(class, op)
		}
		if !known {
			found = append(found, op)
		} else if m := indexed.FindString(line); m != "" && op != "LEAQ" {
			found = append(found, op+" "+m)
		}
	}
	return found
}
