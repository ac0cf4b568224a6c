package aead

import "github.com/headrace-go/headrace/internal/suites"

// A Backend is one implementation of a suite, as Backends lists it.
type Backend struct {
	Suite Suite
	// Name is what HEADRACE_AEAD calls it; "std" is the standard library's,
	// or golang.org/x/crypto's.
	Name string
	// Unavailable says why the backend is not used here, and is empty if it
	// is: what the processor lacks, that FIPS 140 mode or HEADRACE_AEAD
	// excludes it, or how it failed its self-test.
	Unavailable string
	// From is the length of the shortest plaintext that it is used for, in
	// bytes, when it is available. Negative means that it is never the best.
	From int
}

// Backends lists all implementations of all suites that are built into this
// program, of each suite the preferred one first. Whether one passes its
// self-test is known only after the first New of its suite.
func Backends() []Backend {
	var out []Backend
	for _, id := range suites.All() {
		for _, b := range suites.Default().Backends(id) {
			out = append(out, Backend{Suite: Suite(id), Name: b.Name, Unavailable: b.Unavailable, From: b.From})
		}
	}
	return out
}

// SelfTestFailures is how many backends have failed their self-test. Anything
// but 0 means that a kernel of this package and this processor do not agree
// about what it should do, and is worth a report.
func SelfTestFailures() uint64 { return suites.Default().Failures() }
