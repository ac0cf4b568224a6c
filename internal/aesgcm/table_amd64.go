//go:build amd64 && !purego

package aesgcm

// zmmTableSize is the size of the table of powers, as the kernels lay it out.
const zmmTableSize = 2 * (100*blockSize + 64)
