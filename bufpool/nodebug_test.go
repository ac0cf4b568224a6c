//go:build !headrace_debug

package bufpool_test

import (
	"math/bits"
	"testing"

	"github.com/headrace-go/headrace/bufpool"
)

const debugEnabled = false

func unreleased() int { return 0 }

func TestSizes(t *testing.T) {
	if bits.UintSize != 64 {
		t.Skip("the golden sizes are those of 64-bit machines")
	}
	for _, tt := range []struct {
		name      string
		got, want uintptr
	}{
		{"Buf", bufpool.SizeofBuf, 16},
		{"handle", bufpool.SizeofHandle, 64},
		{"memory", bufpool.SizeofMemory, 120},
		{"Chain", bufpool.SizeofChain, 104},
		{"Arena", bufpool.SizeofArena, 104},
	} {
		if tt.got != tt.want {
			t.Errorf("sizeof %s = %d, want %d", tt.name, tt.got, tt.want)
		}
	}
}
