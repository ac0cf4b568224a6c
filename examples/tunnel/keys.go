package main

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// The application protocols that TLS agrees on.
const (
	protocolPlain = "headrace-tunnel"
	protocolH2    = "h2"
)

// validity is how long the certificates are good for.
const validity = 10 * 365 * 24 * time.Hour

// generate writes the keys and certificates of both sides to dir, and a key for
// Encrypted Client Hello.
func generate(dir, name string) error {
	for _, side := range []string{"server", "client"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		template := x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(validity),
			BasicConstraintsValid: true, IsCA: true,
		}
		cert, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
		if err != nil {
			return err
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		err = errors.Join(
			writePEM(dir, side+".crt", "CERTIFICATE", cert, 0o644),
			writePEM(dir, side+".key", "PRIVATE KEY", private, 0o600))
		if err != nil {
			return err
		}
	}
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	return errors.Join(
		writePEM(dir, "ech.crt", "ECHCONFIG", echConfig(key.PublicKey().Bytes(), publicName), 0o644),
		writePEM(dir, "ech.key", "PRIVATE KEY", key.Bytes(), 0o600))
}

// publicName is the name that Encrypted Client Hello shows to everybody.
const publicName = "public.example"

// echConfig is one ECHConfig (RFC 9849, section 4): X25519, HKDF-SHA256,
// AES-128-GCM.
func echConfig(public []byte, name string) []byte {
	contents := []byte{1, 0, 0x20, 0, byte(len(public))} // id, KEM
	contents = append(contents, public...)
	contents = append(contents, 0, 4, 0, 1, 0, 1) // one suite: KDF, AEAD
	contents = append(contents, 0, byte(len(name)))
	contents = append(contents, name...)
	contents = append(contents, 0, 0) // no extensions
	return append([]byte{0xfe, 0x0d, byte(len(contents) >> 8), byte(len(contents))}, contents...)
}

func writePEM(dir, name, kind string, data []byte, mode os.FileMode) error {
	return os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), mode)
}

func readPEM(dir, name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New(name + " is no PEM file")
	}
	return block.Bytes, nil
}

// identity returns the key and certificate of one side, and the certificate of
// the other, which is trusted.
func identity(dir, own, other string) (tls.Certificate, *x509.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, own+".crt"), filepath.Join(dir, own+".key"))
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	der, err := readPEM(dir, other+".crt")
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	peer, err := x509.ParseCertificate(der)
	return cert, peer, err
}

func trust(cert *x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool
}

func serverTLS(dir, protocol string, ech bool) (*tls.Config, error) {
	cert, client, err := identity(dir, "server", "client")
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13, NextProtos: []string{protocol},
		DynamicRecordSizingDisabled: true,
		ClientAuth:                  tls.RequireAndVerifyClientCert, ClientCAs: trust(client),
	}
	if ech {
		public, err := readPEM(dir, "ech.crt")
		if err != nil {
			return nil, err
		}
		private, err := readPEM(dir, "ech.key")
		if err != nil {
			return nil, err
		}
		config.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{{Config: public, PrivateKey: private, SendAsRetry: true}}
	}
	return config, nil
}

func clientTLS(dir, protocol string, ech bool) (*tls.Config, error) {
	cert, server, err := identity(dir, "client", "server")
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13, NextProtos: []string{protocol},
		DynamicRecordSizingDisabled: true,
		RootCAs:                     trust(server), ServerName: server.DNSNames[0],
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
	if ech {
		public, err := readPEM(dir, "ech.crt")
		if err != nil {
			return nil, err
		}
		config.EncryptedClientHelloConfigList = append([]byte{byte(len(public) >> 8), byte(len(public))}, public...)
	}
	return config, nil
}

// signer returns the private key of a certificate.
func signer(cert tls.Certificate) (crypto.Signer, error) {
	s, ok := cert.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("the private key cannot sign")
	}
	return s, nil
}
