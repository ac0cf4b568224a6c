// Package invariants is the switch between the build that ships and the build
// that checks itself.
//
// Enabled is a constant: true under the build tag headrace_debug, false
// without it. Code that is guarded by it,
//
//	if invariants.Enabled {
//		checkOwnership(b)
//	}
//
// is compiled and type-checked in both builds, and leaves neither instruction
// nor symbol in the one without the tag. What needs memory in the debug build
// only is a type of its own that is empty in the other.
package invariants
