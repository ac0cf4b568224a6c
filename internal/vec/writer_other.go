//go:build !unix

package vec

import "errors"

// attempt is not reached: no socket is found on these systems (see peel).
func (w *Writer) attempt(uintptr) bool {
	w.err = errors.ErrUnsupported
	return true
}
