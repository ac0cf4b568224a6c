package aesgcm_test

import (
	"crypto/cipher"
	"runtime"
	"testing"
)

// TestMemoryPerKey: what a key costs before its first use, and after.
func TestMemoryPerKey(t *testing.T) {
	most := map[string][2]uint64{"zmm": {288, 288 + 3456}, "ymm": {288, 288 + 3072}, "std": {1 << 20, 1 << 20}}
	for _, impl := range implementations() {
		if impl.Unavailable != "" {
			continue
		}
		const keys = 1000
		key, nonce, out := make([]byte, 32), make([]byte, 12), make([]byte, 0, 64)
		aeads := make([]cipher.AEAD, keys)
		made := allocated(func() {
			for i := range aeads {
				a, err := impl.New(key)
				if err != nil {
					t.Fatal(err)
				}
				aeads[i] = a
			}
		})
		used := made + allocated(func() {
			for _, a := range aeads {
				a.Seal(out, nonce, nonce, nil)
			}
		})
		t.Logf("%s: %d bytes per key, %d in use", impl.Name, made/keys, used/keys)
		const others = 16 // what else allocates meanwhile, per key
		if limit := most[impl.Name]; made/keys > limit[0]+others || used/keys > limit[1]+others {
			t.Errorf("%s: %d bytes per key, %d in use; want at most %v", impl.Name, made/keys, used/keys, limit)
		}
		if trimmer, ok := aeads[0].(interface{ Trim() }); ok {
			trimmer.Trim()
			if n := allocated(func() { aeads[0].Seal(out, nonce, nonce, nil) }); n == 0 {
				t.Errorf("%s: Trim has kept the table", impl.Name)
			}
		}
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
