// Package rivals measures headrace beside the libraries that do the same.
//
// It is a module of its own, outside the workspace, so that what they require
// never changes what headrace is built with. Run it from the root with
//
//	GOWORK=off go -C bench/rivals test -bench .
package rivals
