package certificate_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/headrace-go/headrace/examples/internal/certificate"
)

// TestIdentity: a certificate that is made on the spot is trusted by whoever has
// its file, and by nobody else.
func TestIdentity(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cert.pem")
	identity, err := certificate.Identity(file, "", "example.test")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(identity.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots, err := certificate.Authorities(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "example.test"}); err != nil {
		t.Errorf("not trusted: %v", err)
	}
	other, err := certificate.SelfSigned("example.test", "")
	if err != nil {
		t.Fatal(err)
	}
	if leaf, err = x509.ParseCertificate(other.Certificate[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "example.test"}); err == nil {
		t.Error("somebody else's certificate is trusted")
	}
}

func TestRefuses(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][3]string{{"", "", ""}, {"c", "", ""}, {"c", "k", "n"}, {empty, empty, ""}} {
		if id, err := certificate.Identity(args[0], args[1], args[2]); err == nil {
			t.Errorf("Identity(%q) = %v", args, len(id.Certificate))
		}
	}
	for _, file := range []string{empty, empty + "-missing"} {
		if _, err := certificate.Authorities(file); err == nil {
			t.Errorf("Authorities(%q) succeeded", file)
		}
	}
	if pool, err := certificate.Authorities(""); pool != nil || err != nil {
		t.Errorf(`Authorities("") = %v, %v, want the system's`, pool, err)
	}
}
