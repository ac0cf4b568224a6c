package aesgcm_test

import (
	"syscall"
	"testing"
)

// A fenced is memory between two pages that nobody may touch.
type fenced []byte

func newFenced(t *testing.T, n int) fenced {
	t.Helper()
	page := syscall.Getpagesize()
	n = (n + page - 1) / page * page
	all, err := syscall.Mmap(-1, 0, n+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("memory with fences: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(all) })
	for _, fence := range [][]byte{all[:page], all[n+page:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Fatalf("memory with fences: %v", err)
		}
	}
	return all[page : n+page : n+page]
}

// at returns n bytes at the end of the memory, or at its beginning.
func (f fenced) at(last bool, n int) []byte {
	if last {
		return f[len(f)-n:]
	}
	return f[:n:n]
}
