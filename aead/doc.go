// Package aead protects records: suite choice by CPU, in-place seal and open,
// nonce sequences that cannot repeat, and the framed streams that proxies are
// made of.
package aead
