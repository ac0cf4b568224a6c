//go:build amd64 && !purego

package aesgcm

// A kernel is the assembly for one width of registers and one size of key.
type kernel uint8

const (
	zmm128 kernel = iota
	zmm256
	ymm128
	ymm256
)

// Sizes of the tables of powers, as the kernels lay them out.
const (
	zmmTableSize = 2 * (100*blockSize + 64)
	ymmTableSize = 2 * (88*blockSize + 32)
)

// powers makes the table of powers of the hash key in a key schedule.
func (k kernel) powers(sched *byte) *byte {
	if k >= ymm128 {
		t := new([ymmTableSize]byte)
		powersYMM(&t[0], sched)
		return &t[0]
	}
	t := new([zmmTableSize]byte)
	powersZMM(&t[0], sched)
	return &t[0]
}

// hash goes on from a hash with n bytes, padded to whole blocks.
func (k kernel) hash(table, hash, p *byte, n int) {
	if k >= ymm128 {
		hashYMM(table, hash, p, n)
	} else {
		hashZMM(table, hash, p, n)
	}
}

// seal seals a record, a part of one, or a chunk, as mode says. The calls are
// direct, not by function value, so that no argument escapes.
func (k kernel) seal(sched, table, nonce, dst, src *byte, n int, seed *byte, seedLen int, mode uint64) {
	switch k {
	case zmm128:
		sealZMM128(sched, table, nonce, dst, src, n, seed, seedLen, mode)
	case zmm256:
		sealZMM256(sched, table, nonce, dst, src, n, seed, seedLen, mode)
	case ymm128:
		sealYMM128(sched, table, nonce, dst, src, n, seed, seedLen, mode)
	case ymm256:
		sealYMM256(sched, table, nonce, dst, src, n, seed, seedLen, mode)
	}
}

// open is the counterpart of seal. The size is that of a chunk's payload; bad
// is 0 if all is authentic.
func (k kernel) open(sched, table, nonce, dst, src *byte, n int, seed *byte, seedLen int, mode uint64) (size, bad int) {
	switch k {
	case zmm128:
		return openZMM128(sched, table, nonce, dst, src, n, seed, seedLen, mode)
	case zmm256:
		return openZMM256(sched, table, nonce, dst, src, n, seed, seedLen, mode)
	case ymm128:
		return openYMM128(sched, table, nonce, dst, src, n, seed, seedLen, mode)
	case ymm256:
		return openYMM256(sched, table, nonce, dst, src, n, seed, seedLen, mode)
	}
	panic("aesgcm: no such kernel")
}
