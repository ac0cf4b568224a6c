//go:build !amd64 || purego

package cpufeat

// Missing returns why a kernel that needs all of f cannot run here, or "".
func Missing(f Feature) string {
	if f == 0 {
		return ""
	}
	return "there is no assembly in this build"
}

// Halves reports whether operations on 512-bit registers are done as two of
// 256 bits.
func Halves() bool { return false }
