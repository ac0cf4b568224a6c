// Package escape shows where a small buffer ends up. TestEscape checks what
// the compiler says about each function.
package escape

import (
	"encoding/binary"
	"io"

	"github.com/headrace-go/headrace/bufpool"
)

// AppendToBuf copies from an array that stays on the stack.
func AppendToBuf(b bufpool.Buf, length int) error {
	var stackHeader [2]byte
	binary.BigEndian.PutUint16(stackHeader[:], uint16(length))
	return b.Append(stackHeader[:])
}

// CopyToArena does so too.
func CopyToArena(a *bufpool.Arena) ([]byte, error) {
	var stackScratch [64]byte
	stackScratch[0] = 1
	return a.Copy(stackScratch[:])
}

// MakeConstant: make with a constant size that does not leave is an array.
func MakeConstant() int {
	stackSlice := make([]byte, 512)
	stackSlice[3] = 1
	return int(stackSlice[3])
}

// WriteToInterface loses it: an interface call makes its arguments escape.
func WriteToInterface(w io.Writer, length int) error {
	var heapHeader [2]byte
	binary.BigEndian.PutUint16(heapHeader[:], uint16(length))
	_, err := w.Write(heapHeader[:])
	return err
}

// WriteInPlace is the way around: the header goes into the headroom of a
// buffer that exists anyway.
func WriteInPlace(w io.Writer, b bufpool.Buf) error {
	length := b.Len()
	header, err := b.Prepend(2)
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint16(header, uint16(length))
	_, err = w.Write(b.Bytes())
	return err
}

// MakeLarge loses it: 64 KiB is the most for a slice.
func MakeLarge() int {
	heapBlock := make([]byte, 64<<10+1)
	heapBlock[3] = 1
	return int(heapBlock[3])
}
