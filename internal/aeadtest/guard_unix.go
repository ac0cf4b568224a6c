//go:build unix

package aeadtest

import (
	"os"

	"golang.org/x/sys/unix"
)

// newFence returns size bytes, or a little more, between two guard pages.
func newFence(size int) (f fence, free func(), err error) {
	page := os.Getpagesize()
	size = (size + page - 1) / page * page
	all, err := unix.Mmap(-1, 0, page+size+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return fence{}, nil, err
	}
	free = func() { _ = unix.Munmap(all) }
	for _, guard := range [][]byte{all[:page], all[page+size:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			free()
			return fence{}, nil, err
		}
	}
	return fence{all[page : page+size : page+size]}, free, nil
}
