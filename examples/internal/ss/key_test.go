package ss_test

import (
	"encoding/hex"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/ss"
)

// What openssl prints:
//
//	openssl enc -aes-256-cbc -md md5 -nosalt -k "correct horse" -P
//	openssl kdf -keylen 32 -kdfopt digest:SHA1 -kdfopt hexkey:KEY -kdfopt hexsalt:SALT -kdfopt info:ss-subkey HKDF
const (
	opensslKey      = "3cb4e732631f47e6eb961f34554b7cde8ace33bdac244269f1a356b6733e4cf5"
	opensslSalt     = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	opensslSubkey32 = "016483c36f43bf2d7f72caaf1e1afec87ba04ea96ff451abce0f8d7b1f5a1855"
	opensslSubkey16 = "cf5f88046b0526ca8bd4b72d5a7265cf"
)

func TestKeysAreOpenSSLs(t *testing.T) {
	salt, err := hex.DecodeString(opensslSalt)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		n      int
		subkey string
	}{
		{16, opensslSubkey16},
		{32, opensslSubkey32},
	} {
		master := ss.PasswordKey("correct horse", tt.n)
		if got, want := hex.EncodeToString(master), opensslKey[:2*tt.n]; got != want {
			t.Errorf("passwordKey of %d bytes = %s, want %s", tt.n, got, want)
		}
		sub, err := ss.Subkey(master, salt[:tt.n])
		if got := hex.EncodeToString(sub); err != nil || got != tt.subkey {
			t.Errorf("subkey of %d bytes = %s, %v, want %s", tt.n, got, err, tt.subkey)
		}
	}
}
