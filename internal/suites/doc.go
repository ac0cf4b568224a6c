// Package suites has every implementation of every suite under one name, and
// chooses among them.
//
// A suite has the standard library's implementation (golang.org/x/crypto's,
// for ChaCha20-Poly1305), which is always the last choice, and those of the
// kernel packages, of which package fused says what they have in common. A
// kernel is used if the processor has what it needs, at record lengths at which
// it is known to be faster than what comes after it, and after it has passed a
// test against the standard library, which is made when it is first chosen.
// One that fails is not used again in this process, and is counted.
//
// The environment variable HEADRACE_AEAD restricts the choice, for tests and
// in emergencies: it lists, separated by commas, the backends that may be used
// beside the standard library's. Names that are not known, such as "std",
// allow nothing more.
//
// In FIPS 140 mode there is only the standard library's module, and only
// approved suites.
package suites
