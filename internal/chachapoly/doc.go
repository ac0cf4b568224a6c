// Package chachapoly is ChaCha20-Poly1305 (RFC 8439) and XChaCha20-Poly1305
// (draft-irtf-cfrg-xchacha-03) on processors with 512-bit registers and
// multiplication of 52-bit integers (AVX-512 IFMA). A record is one call of
// its kernel, and so is a chunk of Shadowsocks, a length and a payload.
//
// It is for package aead, which chooses between it and golang.org/x/crypto.
// KERNEL.md tells how the kernel works, and what was tried besides.
package chachapoly

//go:generate go run -C _asm . ..
