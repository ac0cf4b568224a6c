package ss_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/ss"
)

// A deriver makes the keys that crypto/hkdf makes.
func TestDeriver(t *testing.T) {
	for _, n := range []int{16, 32} {
		for range 1000 {
			master, salt := make([]byte, n), make([]byte, n)
			rand.Read(master)
			rand.Read(salt)
			want, err := ss.Subkey(master, salt)
			if err != nil {
				t.Fatal(err)
			}
			if got := ss.DatagramSubkey(master, salt); !bytes.Equal(got, want) {
				t.Fatalf("%x, %x: %x, want %x", master, salt, got, want)
			}
		}
	}
}
