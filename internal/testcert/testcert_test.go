package testcert_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/headrace-go/headrace/internal/testcert"
)

func TestIdentity(t *testing.T) {
	id := testcert.New("a.test", "b.test")
	for name, want := range map[string]bool{"a.test": true, "b.test": true, "c.test": false} {
		for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
			_, err := id.Certificate.Leaf.Verify(x509.VerifyOptions{
				DNSName: name, Roots: id.Roots, KeyUsages: []x509.ExtKeyUsage{use},
			})
			if (err == nil) != want {
				t.Errorf("Verify(%q) for use %d = %v, want success: %v", name, use, err, want)
			}
		}
	}
}

func TestWrite(t *testing.T) {
	id := testcert.New("a.test")
	cert, key, err := id.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	got, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Leaf.Equal(id.Certificate.Leaf) {
		t.Error("the file has another certificate")
	}
}
