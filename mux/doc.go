// Package mux carries many streams over one connection.
package mux
