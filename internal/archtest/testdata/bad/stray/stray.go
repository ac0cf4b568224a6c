// Package stray is another module's.
package stray
