//go:build !unix

package aeadtest

import "errors"

func newFence(int) (fence, func(), error) {
	return fence{}, nil, errors.New("no guard pages on this system")
}
