//go:build unix

package aeadtest

import (
	"os"
	"syscall"
)

// newFence returns size bytes, or a little more, between two guard pages.
func newFence(size int) (f fence, free func(), err error) {
	page := os.Getpagesize()
	size = (size + page - 1) / page * page
	all, err := syscall.Mmap(-1, 0, page+size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return fence{}, nil, err
	}
	free = func() { _ = syscall.Munmap(all) }
	for _, guard := range [][]byte{all[:page], all[page+size:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			free()
			return fence{}, nil, err
		}
	}
	return fence{all[page : page+size : page+size]}, free, nil
}
