// Package aesgcm is AES-GCM (SP 800-38D) with keys of 128 and 256 bits, nonces
// of 12 bytes and tags of 16, on processors that do AES on wide vectors. Its
// kernels do a whole record in one call; beside records they know the chunks
// of Shadowsocks, and batches of short records.
//
// It is for package aead, which chooses between it and the standard library.
// KERNEL.md tells how the kernels work, and what was tried besides.
package aesgcm
