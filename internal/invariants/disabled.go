//go:build !headrace_debug

package invariants

// Enabled reports whether this is a debug build.
const Enabled = false
