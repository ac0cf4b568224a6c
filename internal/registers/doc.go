// Package registers fills vector registers with junk, and looks at what a
// function has left in them and on the stack. It is for tests of assembly.
package registers
