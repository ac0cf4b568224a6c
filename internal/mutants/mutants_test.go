package mutants

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestInstructionsAreListed(t *testing.T) {
	source := `TEXT x
	VPXORQ X16, X16, X16
	VPXORQ X16, X17, X16
	ADDQ AX, BX
	JNE  edge
loop:
	PCALIGN $0x40
	JMP loop
	VPXORD Z1, Z1, Z1
	VPXORQ X16, X16, X16
	VZEROUPPER
	RET
	VPXOR X1, X1, X1
	RET`
	got := instructions(strings.Split(source, "\n"), regexp.MustCompile(`edge`))
	if want := []int{1, 2, 3, 7, 12}; !slices.Equal(got, want) {
		t.Errorf("instructions = %v, want %v", got, want)
	}
}
