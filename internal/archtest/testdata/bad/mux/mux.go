// Package mux breaks no rule.
package mux
