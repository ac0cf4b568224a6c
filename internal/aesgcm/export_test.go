package aesgcm

import "crypto/cipher"

// New makes the AEAD of a backend by name, or returns why it cannot.
func New(name string, key []byte) (cipher.AEAD, string) {
	for _, b := range Backends() {
		if b.Name == name {
			if b.Unavailable != "" {
				return nil, b.Unavailable
			}
			a, err := b.New(key)
			if err != nil {
				return nil, err.Error()
			}
			return a, ""
		}
	}
	return nil, "no such backend"
}
