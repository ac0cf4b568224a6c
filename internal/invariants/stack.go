package invariants

import (
	"fmt"
	"runtime"
	"strings"
)

// A Stack says where something happened.
type Stack [16]uintptr

// Callers returns the stack above the function that calls it.
func Callers() (s Stack) {
	runtime.Callers(3, s[:])
	return s
}

// String formats the stack as a panic does.
func (s Stack) String() string {
	n := 0
	for n < len(s) && s[n] != 0 {
		n++
	}
	if n == 0 {
		return "\tunknown\n"
	}
	var text strings.Builder
	frames := runtime.CallersFrames(s[:n])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		fmt.Fprintf(&text, "\t%s\n\t\t%s:%d\n", f.Function, f.File, f.Line)
	}
	return text.String()
}
