package chachapoly

import "unsafe"

// overlap reports whether a and b share memory.
func overlap(a, b []byte) bool {
	return len(a) > 0 && len(b) > 0 &&
		uintptr(unsafe.Pointer(&a[0])) <= uintptr(unsafe.Pointer(&b[len(b)-1])) &&
		uintptr(unsafe.Pointer(&b[0])) <= uintptr(unsafe.Pointer(&a[len(a)-1]))
}

// shifted reports whether a and b share memory at different offsets.
func shifted(a, b []byte) bool {
	return len(a) > 0 && len(b) > 0 && &a[0] != &b[0] && overlap(a, b)
}

// extend returns dst with n more bytes, and those bytes alone.
func extend(dst []byte, n int) (whole, added []byte) {
	if total := len(dst) + n; total <= cap(dst) {
		whole = dst[:total]
	} else {
		whole = make([]byte, total)
		copy(whole, dst)
	}
	return whole, whole[len(dst):]
}
