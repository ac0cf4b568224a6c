//go:build !unix

package readiness

import "errors"

// No socket is found on these systems (see peel), so nothing here is reached.

func read(uintptr, []byte) (int, error)    { return 0, errors.ErrUnsupported }
func readv(uintptr, [][]byte) (int, error) { return 0, errors.ErrUnsupported }
func readable(uintptr) bool                { return false }
