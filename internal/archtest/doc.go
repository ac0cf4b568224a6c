// Package archtest holds the tests of what no single package can test: that
// the packages stay independent, that importing one of them builds little,
// and that the modules are laid out as DESIGN.md says. It has no other code.
//
// The rules are about what ships, so about imports outside tests: a test may
// import what it likes. After a wanted change of what a package builds, run
//
//	go test ./internal/archtest -update
//
// and let the golden files show the reviewer what importers pay for it.
package archtest
